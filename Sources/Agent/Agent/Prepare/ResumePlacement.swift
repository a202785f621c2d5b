import AnnealAPI
import Logging
import ObjectStorage

/// Puts the newest checkpoint that checks out where a trainer resumes from.
struct ResumePlacement {
    let store: CheckpointStore
    let directory: String
    let logger: Logger

    /// The checkpoint that is in place now; nil if there is none, and then there is no folder either.
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

    /// Downloads aside and renames, so that the folder is whole or not there. What is there from an earlier
    /// try is taken over where it has the right content. False for a checkpoint that is damaged.
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
        for stray in try FileTree.files(below: unfinished) where !listed.contains(stray) {
            try FileTree.remove("\(unfinished)/\(stray)")
        }
        try LocalFile.rename(unfinished, to: directory)
        return true
    }
}
