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
        await removeUnfinished(synchroniser, destination)
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

    /// Removes what training attempts and earlier attempts of this stage left unfinished in S3.
    private func removeUnfinished(_ synchroniser: Synchroniser, _ destination: S3Location) async {
        await synchroniser.abortUploads(below: destination)
        guard let root = try? S3Location(ArtifactLayout.checkpoints(root: configuration.artifactRoot)) else {
            return
        }
        let store = CheckpointStore(
            synchroniser: synchroniser, root: root, run: configuration.run.uid,
            newestAttempt: configuration.trainingAttempt, logger: context.logger)
        await store.removeUnfinished()
    }

    /// Folder that the trainer wrote the model to. An attempt that an older release began has written to the
    /// former one, also where a pod of its gang that came later has a folder of its own.
    private var directory: String {
        let own = configuration.directory
        return ((try? FileTree.names(in: own)) ?? []).isEmpty ? configuration.formerDirectory : own
    }

    /// The files of the output folder. What cannot be uploaded does not hold up the rest: it is told in the
    /// report, and the operator keeps the volume that has it.
    private func contents() throws -> FolderContents {
        var contents: FolderContents?
        let directory = directory
        if try FileTree.kind(directory) == .folder {
            contents = try FolderContents(of: directory)
            contents?.refuseReserved()
        }
        guard let contents, !contents.files.isEmpty else {
            let refusal = contents?.refusal.map { ", and what is there cannot be uploaded: \($0)" } ?? ""
            throw AgentFailure(
                reason: "NoOutput",
                message:
                    "'\(WorkspacePath.output)' has no files\(refusal): the trainer must write the final model "
                    + "there before it ends with exit code 0")
        }
        return contents
    }
}
