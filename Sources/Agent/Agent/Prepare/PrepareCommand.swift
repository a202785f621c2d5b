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
        if let left = configuration.left {
            let attempts = LeftAttempts(
                left: left,
                store: try store(synchroniser, at: ArtifactLayout.checkpoints(root: left.artifactRoot)),
                logger: context.logger)
            try await attempts.save(beyond: configuration.inherited?.step ?? -1)
            attempts.clear()
            await attempts.store.removeUnfinished()
        }
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
        report.message = configuration.resumeDirectory == nil ? inputs : "\(inputs); training \(start)"
        return report
    }

    private func store(_ synchroniser: Synchroniser, at uri: String) throws(S3Error) -> CheckpointStore {
        CheckpointStore(
            synchroniser: synchroniser, root: try S3Location(uri), run: configuration.run.uid,
            newestAttempt: configuration.left?.newest ?? .max, logger: context.logger)
    }

    private func resume(_ synchroniser: Synchroniser) async throws -> CheckpointReference? {
        guard let directory = configuration.resumeDirectory else { return nil }
        let store = try configuration.checkpointsUri.map { uri in
            try self.store(synchroniser, at: uri)
        }
        let placement = ResumePlacement(
            store: store, inherited: configuration.inherited, synchroniser: synchroniser,
            directory: directory,
            logger: context.logger)
        return try await placement.run()?.reference
    }
}
