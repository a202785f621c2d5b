import AnnealAPI
import Logging
import ObjectStorage

/// Places the newest checkpoint that passes its checks in the folder that a trainer resumes from.
struct ResumePlacement {
    /// The run's own checkpoints; nil where no attempt has trained.
    let store: CheckpointStore?
    /// A checkpoint of the run that this one continues; nil where it continues none.
    let inherited: CheckpointReference?
    let synchroniser: Synchroniser
    let directory: String
    let logger: Logger

    /// Places the checkpoint and returns it; nil if there is none, and then there is no folder either.
    ///
    /// - Throws: where the continued run's checkpoint is needed and is gone, or is another by now: to begin at step
    ///   0 instead is not what was asked for.
    func run() async throws -> StoredCheckpoint? {
        for folder in try await store?.folders() ?? [] where folder.step >= inherited?.step ?? 0 {
            guard let checkpoint = try await store?.checkpoint(in: folder) else { continue }
            if try await place(checkpoint) {
                logger.info("training goes on from \(folder.location)")
                return checkpoint
            }
        }
        if let inherited { return try await placeInherited(inherited) }
        try FileTree.remove(directory)
        try FileTree.remove(unfinished)
        logger.notice("there is no checkpoint that checks out: training starts at step 0")
        return nil
    }

    private func placeInherited(_ reference: CheckpointReference) async throws -> StoredCheckpoint {
        let location = try S3Location(reference.storageUri)
        guard let committed = try await synchroniser.manifest(of: location),
            committed.sha256 == reference.manifestSha256
        else { throw lost(reference, "its manifest is not there, or is another") }
        let folder = CheckpointFolder(
            location: location, attempt: reference.attempt, step: reference.step)
        let checkpoint = StoredCheckpoint(folder: folder, committed: committed)
        guard try await place(checkpoint) else { throw lost(reference, "a file is damaged or missing") }
        logger.info("training goes on from \(location), which the continued run left")
        return checkpoint
    }

    private func lost(_ reference: CheckpointReference, _ cause: String) -> AgentFailure {
        AgentFailure(
            reason: "CheckpointLost",
            message:
                "spec.continueFrom: the checkpoint \(reference.storageUri) of step \(reference.step) cannot be gone on "
                + "from: \(cause); restore it, or create a run without continueFrom")
    }

    private var unfinished: String { directory + ".tmp" }

    /// Downloads to another name and renames, so that the folder is whole or absent. Content from an earlier
    /// attempt is kept where it is right. False for a damaged checkpoint.
    private func place(_ checkpoint: StoredCheckpoint) async throws -> Bool {
        if try FileTree.kind(directory) != .missing {
            try FileTree.remove(unfinished)
            try LocalFile.rename(directory, to: unfinished)
        }
        do throws(S3Error) {
            _ = try await synchroniser.download(checkpoint.committed, to: unfinished)
        } catch {
            guard error.code == .checksumMismatch || error.code == .noSuchKey else { throw error }
            logger.warning("\(error.message); the checkpoint \(checkpoint.folder.location) is left out")
            return false
        }
        let listed = Set(checkpoint.committed.manifest.files.map(\.path))
        try FileTree.removeAll(below: unfinished, except: listed)
        try LocalFile.rename(unfinished, to: directory)
        return true
    }
}
