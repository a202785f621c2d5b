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
        let client = try context.client(configuration.storage, of: configuration.run)
        let destination = try S3Location(configuration.destinationUri)
        let folder = ProcessedFolder(path: configuration.directory)
        var summary: DatasetSummary
        var warnings: [StageWarning] = []
        switch configuration.part {
        case .whole, .process:
            // Files that an earlier attempt, or its transform, left must not be published as this one's.
            try FileTree.empty(configuration.directory)
            (summary, warnings) = try await process(client, into: folder)
            try folder.save(summary, warnings)
        case .publish:
            (summary, warnings) = try folder.saved()
            summary.trainRecords = try folder.countLines(of: ProcessedFolder.train)
            summary.validationRecords = try folder.countLines(of: ProcessedFolder.validation)
        }
        if configuration.part != .process {
            try folder.checkUsable(summary)
            let synchroniser = context.synchroniser(client)
            await synchroniser.abortUploads(below: destination)
            let committed = try await synchroniser.upload(
                try folder.published(), to: destination,
                UploadDescription(
                    run: configuration.run.uid, attempt: configuration.run.attempt,
                    metadata: ["datasetSha256": summary.sha256 ?? ""]))
            summary.processedManifestSha256 = committed.sha256
        }
        return report(summary, warnings)
    }

    private func process(
        _ client: S3Client, into folder: ProcessedFolder
    ) async throws -> (DatasetSummary, [StageWarning]) {
        let synchroniser = context.synchroniser(client)
        let reader = DatasetReader(client: client, synchroniser: synchroniser, dataset: configuration.dataset)
        let contents = try await reader.contents()
        var sorter = try RecordSorter(
            configuration.preprocessing, hasOwnValidation: contents.hasValidation, folder: folder)
        let digest = try await reader.read(contents) { record, line, split in
            try sorter.take(record, line, split)
        }
        if let expected = configuration.expectedSha256, expected != digest {
            throw AgentFailure(
                reason: "DatasetChanged",
                message:
                    "\(configuration.dataset.storageUri) was validated with SHA-256 \(expected) and has \(digest) "
                    + "now; leave a dataset alone while runs read it, and start the run again")
        }
        var (summary, warnings) = try sorter.finish()
        summary.sha256 = digest
        summary.files = Int64(contents.files.count)
        summary.filesFound = Int64(contents.filesFound)
        return (summary, warnings)
    }

    private func report(_ summary: DatasetSummary, _ warnings: [StageWarning]) -> StageReport {
        var report = StageReport(
            reason: StageReport.succeeded,
            message:
                "\(grouped(summary.records ?? 0)) records: \(grouped(summary.exactDuplicates ?? 0)) exact and "
                + "\(grouped(summary.nearDuplicates ?? 0)) near-duplicates, \(grouped(summary.filtered ?? 0)) filtered; "
                + "\(grouped(summary.trainRecords ?? 0)) to train on, "
                + "\(grouped(summary.validationRecords ?? 0)) to validate with")
        report.dataset = summary
        report.warnings = warnings.isEmpty ? nil : warnings
        return report
    }
}
