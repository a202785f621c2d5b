import AnnealAPI
import ObjectStorage

/// `anneal-agent upload`
struct UploadCommand {
    let configuration: UploadConfiguration
    let context: CommandContext

    func run() async throws -> StageReport {
        let synchroniser = context.synchroniser(try context.client(configuration.storage))
        let destination = try S3Location(configuration.destinationUri)
        guard try FileTree.kind(configuration.directory) == .folder,
            try !FileTree.files(below: configuration.directory).isEmpty
        else {
            throw AgentFailure(
                reason: "NoOutput",
                message:
                    "'\(configuration.directory)' has no files: the trainer must write the final model there "
                    + "before it ends with exit code 0")
        }
        let committed = try await synchroniser.upload(
            configuration.directory, to: destination,
            UploadDescription(run: configuration.run.uid, attempt: configuration.run.attempt))
        let manifest = committed.manifest
        var report = StageReport(
            reason: StageReport.succeeded,
            message: "\(manifest.files.count) files, \(grouped(manifest.totalSize)) bytes at \(destination)")
        report.output = ModelReference(
            storageUri: configuration.destinationUri, manifestSha256: committed.sha256,
            bytes: manifest.totalSize, files: manifest.files.count)
        return report
    }
}
