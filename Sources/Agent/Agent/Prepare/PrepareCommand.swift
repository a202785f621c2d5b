import AnnealAPI
import Logging
import ObjectStorage

/// `anneal-agent prepare`
struct PrepareCommand {
    let configuration: PrepareConfiguration
    let context: CommandContext

    func run() async throws -> StageReport {
        try context.check(configuration.programSecrets, of: configuration.run)
        let synchroniser = context.synchroniser(
            try context.client(configuration.storage, of: configuration.run))
        try await commitLeft(synchroniser)
        for folder in configuration.cleared {
            try FileTree.empty(folder)
            context.logger.info("emptied '\(folder)'")
        }
        var transferred: Int64 = 0
        for (index, download) in configuration.downloads.enumerated() {
            do {
                transferred += try await InputDownload(synchroniser: synchroniser, download: download).run()
            } catch let error as S3Error {
                throw AgentFailure.naming(
                    missing: "InputNotFound", "downloads[\(index)] (\(download.source.storageUri))", error)
            }
        }
        var report = StageReport(reason: StageReport.succeeded)
        report.resume = try await resume(synchroniser)
        let inputs =
            "\(configuration.downloads.count) inputs are in place, \(grouped(transferred)) bytes downloaded"
        let start = report.resume.map { "goes on from step \($0.step)" } ?? "starts at step 0"
        report.message = configuration.checkpointsUri == nil ? inputs : "\(inputs); training \(start)"
        return report
    }

    /// Commits the finished checkpoints that the volume has and S3 has not: a sidecar that was killed could not
    /// upload the last, and what follows empties their folder.
    private func commitLeft(_ synchroniser: Synchroniser) async throws(S3Error) {
        guard let left = configuration.left else { return }
        let root = ArtifactLayout.checkpoints(root: left.artifactRoot)
        let store = CheckpointStore(
            synchroniser: synchroniser, root: try S3Location(root), run: configuration.run.uid,
            logger: context.logger)
        let newest = try await store.newest()?.folder.step ?? -1
        for folder in LocalCheckpoints(directory: left.directory).finished() where folder.step > newest {
            try await commit(folder, of: left, synchroniser)
        }
    }

    /// Commits one of them; one that can never be uploaded is given up, and named.
    private func commit(
        _ folder: LocalCheckpoints.Folder, of left: PrepareConfiguration.LeftCheckpoints,
        _ synchroniser: Synchroniser
    ) async throws(S3Error) {
        let location = try S3Location(
            ArtifactLayout.checkpoint(root: left.artifactRoot, attempt: left.attempt, step: folder.step))
        let description = UploadDescription(
            run: configuration.run.uid, attempt: left.attempt, step: folder.step)
        do throws(S3Error) {
            _ = try await synchroniser.upload(folder.path, to: location, description)
            context.logger.notice("committed '\(folder.path)', which the last attempt left, as \(location)")
        } catch {
            guard error.code == .unsafePath else { throw error }
            context.logger.error("\(error.message); this checkpoint is given up")
        }
    }

    private func resume(_ synchroniser: Synchroniser) async throws -> CheckpointReference? {
        guard let directory = configuration.resumeDirectory else { return nil }
        guard let uri = configuration.checkpointsUri else {
            try FileTree.remove(directory)
            return nil
        }
        let store = CheckpointStore(
            synchroniser: synchroniser, root: try S3Location(uri), run: configuration.run.uid,
            logger: context.logger)
        let placement = ResumePlacement(store: store, directory: directory, logger: context.logger)
        return try await placement.run()?.reference
    }
}
