import AnnealAPI
import Logging
import ObjectStorage

/// Places the newest checkpoint that passes its checks in the folder that a trainer resumes from.
struct ResumePlacement {
    let store: CheckpointStore
    let directory: String
    let logger: Logger

    /// Places the checkpoint and returns it; nil if there is none, and then there is no folder either.
    func run() async throws -> StoredCheckpoint? {
        for folder in try await store.folders() {
            guard let checkpoint = try await store.checkpoint(in: folder) else { continue }
            if try await place(checkpoint) {
                logger.info("training goes on from \(folder.location)")
                return checkpoint
            }
        }
        try FileTree.remove(directory)
        try FileTree.remove(unfinished)
        logger.notice("there is no checkpoint that checks out: training starts at step 0")
        return nil
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
            _ = try await store.synchroniser.download(checkpoint.committed, to: unfinished)
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
