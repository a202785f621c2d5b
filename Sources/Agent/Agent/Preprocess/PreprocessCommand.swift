import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import Logging
import ObjectStorage

/// `anneal-agent preprocess`
struct PreprocessCommand {
    let configuration: PreprocessConfiguration
    let context: CommandContext

    func run() async throws -> StageReport {
        let client = try context.client(configuration.storage)
        let destination = try S3Location(configuration.destinationUri)
        let folder = ProcessedFolder(path: configuration.directory)
        var summary: DatasetSummary
        switch configuration.part {
        case .whole, .process:
            summary = try await process(client, into: folder)
            try folder.save(summary)
        case .publish:
            summary = try folder.savedSummary()
            summary.trainRecords = try folder.countLines(of: ProcessedFolder.train)
            summary.validationRecords = try folder.countLines(of: ProcessedFolder.validation)
        }
        if configuration.part != .process {
            try folder.checkUsable(summary)
            let committed = try await context.synchroniser(client).upload(
                configuration.directory, to: destination,
                UploadDescription(
                    run: configuration.run.uid, attempt: configuration.run.attempt,
                    metadata: ["datasetSha256": summary.sha256 ?? ""]))
            summary.processedManifestSha256 = committed.sha256
        }
        return report(summary)
    }

    private func process(_ client: S3Client, into folder: ProcessedFolder) async throws -> DatasetSummary {
        var filter = try RecordFilter(configuration.preprocessing)
        let synchroniser = context.synchroniser(client)
        let reader = DatasetReader(client: client, synchroniser: synchroniser, dataset: configuration.dataset)
        let contents = try await reader.contents()
        filter.hasOwnValidation = contents.hasValidation
        var split = try SplitWriter(folder: folder)
        var summary = DatasetSummary()
        var records: Int64 = 0
        var filtered: Int64 = 0
        var exact: Int64 = 0
        var near: Int64 = 0
        let digest = try await reader.read(contents) { record, line, side in
            records += 1
            switch filter.decide(record, side) {
            case .train(let rank): try split.train(line, rank: rank)
            case .validation(let rank): try split.validation(line, rank: rank)
            case .filtered: filtered += 1
            case .exactDuplicate: exact += 1
            case .nearDuplicate: near += 1
            }
        }
        if let expected = configuration.expectedSha256, expected != digest {
            throw AgentFailure(
                reason: "DatasetChanged",
                message:
                    "\(configuration.dataset.storageUri) was validated with SHA-256 \(expected) and has \(digest) "
                    + "now; leave a dataset alone while runs read it, and start the run again")
        }
        let fraction = configuration.preprocessing.validationFraction ?? 0.05
        // A dataset's own splits stay what they are, even where one is empty.
        let filling: SplitWriter.Filling = contents.hasValidation ? .neither : fraction > 0 ? .both : .train
        let counts = try split.finish(filling)
        summary.sha256 = digest
        summary.records = records
        summary.filtered = filtered
        summary.exactDuplicates = exact
        summary.nearDuplicates = near
        summary.trainRecords = counts.train
        summary.validationRecords = counts.validation
        return summary
    }

    private func report(_ summary: DatasetSummary) -> StageReport {
        var report = StageReport(
            reason: StageReport.succeeded,
            message:
                "\(grouped(summary.records ?? 0)) records: \(grouped(summary.exactDuplicates ?? 0)) exact and "
                + "\(grouped(summary.nearDuplicates ?? 0)) near-duplicates, \(grouped(summary.filtered ?? 0)) filtered; "
                + "\(grouped(summary.trainRecords ?? 0)) to train on, "
                + "\(grouped(summary.validationRecords ?? 0)) to validate with")
        report.dataset = summary
        return report
    }
}
