import AnnealAPI
import Logging
import ObjectStorage

/// `anneal-agent validate`
struct ValidateCommand {
    let configuration: ValidateConfiguration
    let context: CommandContext

    func run() async throws -> StageReport {
        let client = try context.client(configuration.storage)
        let synchroniser = context.synchroniser(client)
        let model = BaseModel(client: client, synchroniser: synchroniser, model: configuration.model)
        var summary = DatasetSummary()
        summary.modelSha256 = try await model.validate()
        context.logger.info("the base model is there", metadata: ["sha256": "\(summary.modelSha256 ?? "")"])
        let reader = DatasetReader(
            client: client, synchroniser: synchroniser, dataset: configuration.dataset)
        let contents = try await reader.contents()
        try checkVersion(contents)
        var records: Int64 = 0
        let digest = try await reader.read(contents) { _, _ in records += 1 }
        try check(digest: digest, records: records)
        summary.sha256 = digest
        summary.records = records
        var report = StageReport(
            reason: StageReport.succeeded,
            message: "\(grouped(records)) records in the format \(configuration.dataset.format.rawValue)")
        report.dataset = summary
        return report
    }

    private func checkVersion(_ contents: DatasetContents) throws(AgentFailure) {
        guard let declared = configuration.dataset.version, let actual = contents.version, declared != actual
        else { return }
        throw AgentFailure(
            reason: "VersionMismatch",
            message:
                "dataset.version: '\(declared)' was declared, but \(configuration.dataset.storageUri) says "
                + "that it is '\(actual)'; correct the declaration or the address")
    }

    private func check(digest: String, records: Int64) throws(AgentFailure) {
        if let declared = configuration.dataset.sha256, declared.lowercased() != digest {
            throw AgentFailure(
                reason: "ChecksumMismatch",
                message:
                    "dataset.sha256: '\(declared)' was declared, but \(configuration.dataset.storageUri) has "
                    + "'\(digest)'; correct the declaration, or upload the right dataset")
        }
        guard records > 0 else {
            throw AgentFailure(
                reason: "EmptyDataset",
                message: "dataset.storageUri: \(configuration.dataset.storageUri) has no records; upload some"
            )
        }
    }
}
