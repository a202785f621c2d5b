import AnnealAPI
import ObjectStorage

/// `anneal-agent upload`
struct UploadCommand {
    let configuration: UploadConfiguration
    let context: CommandContext

    func run() async throws -> StageReport {
        let synchroniser = context.synchroniser(
            try context.client(configuration.storage, of: configuration.run))
        let destination = try S3Location(configuration.destinationUri)
        let contents = try contents()
        let committed = try await synchroniser.upload(
            contents, to: destination,
            UploadDescription(run: configuration.run.uid, attempt: configuration.run.attempt))
        let manifest = committed.manifest
        var report = StageReport(
            reason: StageReport.succeeded,
            message: "\(manifest.files.count) files, \(grouped(manifest.totalSize)) bytes at \(destination)")
        report.output = ModelReference(
            storageUri: configuration.destinationUri, manifestSha256: committed.sha256,
            bytes: manifest.totalSize, files: manifest.files.count, leftOut: contents.refusal)
        if let refusal = contents.refusal {
            report.message = "\(report.message ?? ""); not uploaded: \(refusal)"
            context.logger.error("left out of the upload: \(refusal)")
        }
        return report
    }

    /// The files of the output folder. What cannot be uploaded does not hold up the rest: it is told in the
    /// report, and the operator keeps the volume that has it.
    private func contents() throws -> FolderContents {
        var contents: FolderContents?
        if try FileTree.kind(configuration.directory) == .folder {
            contents = try FolderContents(of: configuration.directory)
            contents?.refuseReserved()
        }
        guard let contents, !contents.files.isEmpty else {
            let refusal = contents?.refusal.map { ", and what is there cannot be uploaded: \($0)" } ?? ""
            throw AgentFailure(
                reason: "NoOutput",
                message:
                    "'\(configuration.directory)' has no files\(refusal): the trainer must write the final "
                    + "model there before it ends with exit code 0")
        }
        return contents
    }
}
