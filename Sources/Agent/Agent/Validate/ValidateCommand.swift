import AnnealAPI
import HTTPTransport
import Logging
import ModelRegistry
import MountedSecrets
import ObjectStorage

/// `anneal-agent validate`
struct ValidateCommand {
    let configuration: ValidateConfiguration
    let context: CommandContext

    func run() async throws -> StageReport {
        try context.check(configuration.programSecrets, of: configuration.run)
        try checkRegistration()
        let client = try context.client(configuration.storage, of: configuration.run)
        for suite in configuration.suites ?? [] {
            let format = configuration.dataset.format
            try await EvaluationData(client: client, suite: suite, datasetFormat: format).check()
        }
        guard configuration.skipsInputs != true else {
            return StageReport(
                reason: StageReport.succeeded,
                message: "model and dataset are those that the continued run validated")
        }
        return try await validateInputs(client)
    }

    private func validateInputs(_ client: S3Client) async throws -> StageReport {
        let synchroniser = context.synchroniser(client)
        let model = BaseModel(client: client, synchroniser: synchroniser, model: configuration.model)
        var summary = DatasetSummary()
        let validated = try await model.validate()
        summary.modelSha256 = validated.sha256
        if try validated.location.folderPrefix != S3Location(configuration.model.storageUri).folderPrefix {
            summary.modelStorageUri = "\(validated.location)"
        }
        context.logger.info("the base model is there", metadata: ["sha256": "\(summary.modelSha256 ?? "")"])
        let reader = DatasetReader(
            client: client, synchroniser: synchroniser, dataset: configuration.dataset)
        let contents = try await reader.contents()
        try checkVersion(contents)
        var records: Int64 = 0
        let digest = try await reader.read(contents) { _, _, _ in records += 1 }
        try check(digest: digest, records: records)
        summary.sha256 = digest
        summary.records = records
        summary.files = Int64(contents.files.count)
        summary.filesFound = Int64(contents.filesFound)
        var report = StageReport(
            reason: StageReport.succeeded,
            message: "\(grouped(records)) records in the format \(configuration.dataset.format.rawValue), in "
                + "\(grouped(contents.files.count)) of \(grouped(contents.filesFound)) files")
        report.dataset = summary
        return report
    }

    /// Refuses names and addresses that the registry would refuse after training, and a Secret that may not go
    /// there.
    private func checkRegistration() throws {
        guard let registration = configuration.registration else { return }
        try RegistryNames.check(
            model: registration.modelName,
            experiment: registration.experiment ?? configuration.run.namespace)
        _ = try MLflowClient(
            address: registration.trackingUri, credentials: .none, transport: context.transport)
        guard let name = registration.credentialsSecretName,
            let folder = context.value(EnvironmentName.registrationSecret)
        else { return }
        let secret = RegistrySecret(folder: folder, namespace: configuration.run.namespace, name: name)
        do throws(SecretError) { try secret.check(registration.trackingUri) } catch {
            throw AgentFailure(permission: error)
        }
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
