import AnnealAPI
import FoundationEssentials
import Logging
import ObjectStorage

/// Uploads finished checkpoints to S3, each committed by its manifest, and removes those that are not to be
/// kept.
struct CheckpointUploader {
    private let store: CheckpointStore
    private let local: LocalCheckpoints
    private let configuration: SyncConfiguration
    private let retention: Retention
    private let state: SyncState
    private let now: @Sendable () -> Date
    private let logger: Logger

    /// Committed checkpoints; nil until the store was asked.
    private var committed: [StoredCheckpoint]?
    /// Checkpoints that cannot be uploaded as they are, for example because of a link, with the cause.
    private var refused: [LocalCheckpoints.Folder: String] = [:]
    /// Checkpoints that could not be read in this round. The next round tries them again.
    private var unreadable: Set<LocalCheckpoints.Folder> = []
    private var localProblem = RepeatedProblem()

    init(
        store: CheckpointStore, configuration: SyncConfiguration, state: SyncState,
        now: @escaping @Sendable () -> Date, logger: Logger
    ) {
        self.store = store
        self.configuration = configuration
        self.state = state
        self.now = now
        self.logger = logger
        local = LocalCheckpoints(directory: configuration.checkpointDirectory)
        retention = Retention(keepLast: configuration.keepLast, keepBest: configuration.keepBest)
    }

    /// Uploads and commits finished checkpoints that are not committed yet, newest first, then prunes. One
    /// that cannot be read holds up no other.
    ///
    /// - Throws: the error of the first that could not be read, when all others are done.
    mutating func round() async throws(S3Error) {
        if committed == nil { try await loadCommitted() }
        unreadable = []
        var firstError: S3Error?
        while let next = nextPending() {
            do throws(S3Error) { try await upload(next) } catch {
                guard error.isOfLocalFile else { throw error }
                unreadable.insert(next)
                firstError = firstError ?? error
            }
        }
        try await prune()
        if let firstError { throw firstError }
        state.update { $0.uploadProblem = nil }
    }

    /// Whether every finished checkpoint of this attempt that would be kept is in S3.
    var hasCommittedAll: Bool {
        committed != nil && refused.isEmpty && unreadable.isEmpty && nextPending() == nil
    }

    private var attempt: Int { configuration.run.attempt }

    private mutating func loadCommitted() async throws(S3Error) {
        // Checkpoints that this attempt committed before its sidecar was started anew are here too.
        let mine = Set(local.finished().map(\.step))
        var found: [StoredCheckpoint] = []
        for folder in try await store.folders() where folder.attempt != attempt || mine.contains(folder.step)
        {
            guard let checkpoint = try await store.checkpoint(in: folder) else { continue }
            found.append(checkpoint)
        }
        committed = found
        publish()
    }

    /// The newest finished checkpoint that this attempt has not committed and that would be kept.
    private func nextPending() -> LocalCheckpoints.Folder? {
        guard let committed else { return nil }
        let own = Set(committed.filter { $0.folder.attempt == attempt }.map(\.folder.step))
        let tracker = state.snapshot.tracker
        return local.finished().first { folder in
            guard !own.contains(folder.step), refused[folder] == nil, !unreadable.contains(folder)
            else { return false }
            let entry = Retention.Entry(
                step: folder.step, attempt: attempt, evalLoss: tracker.evalLoss(at: folder.step))
            return !retention.expendable(counted.map(\.entry) + [entry]).contains(entry)
        }
    }

    private mutating func upload(_ folder: LocalCheckpoints.Folder) async throws(S3Error) {
        let uri = ArtifactLayout.checkpoint(
            root: configuration.artifactRoot, attempt: attempt, step: folder.step)
        let location = try S3Location(uri)
        var metadata: [String: String] = [:]
        if let loss = state.snapshot.tracker.evalLoss(at: folder.step) {
            metadata[StoredCheckpoint.evalLossKey] = "\(loss)"
        }
        state.update { $0.isUploading = true }
        defer { state.update { $0.isUploading = false } }
        let start = now()
        do throws(S3Error) {
            let manifest = try await store.synchroniser.upload(
                folder.path, to: location,
                UploadDescription(
                    run: configuration.run.uid, attempt: attempt, step: folder.step, metadata: metadata,
                    isShared: false))
            let folder = CheckpointFolder(location: location, attempt: attempt, step: folder.step)
            state.note(\.upload, from: start, to: now())
            committed?.append(StoredCheckpoint(folder: folder, committed: manifest))
            publish()
        } catch  where error.code == .unsafePath {
            refuse(folder, error.message)
        }
    }

    private mutating func refuse(_ folder: LocalCheckpoints.Folder, _ cause: String) {
        refused[folder] = cause
        logger.error("\(cause); this checkpoint is not uploaded")
        let newest = refused.max { $0.key.step < $1.key.step }?.value ?? cause
        let others = refused.count - 1
        let text =
            "a checkpoint is not uploaded: \(newest)"
            + (others > 0 ? "; so it is with \(others) older ones" : "")
        state.update { $0.refusal = text }
    }

    /// The committed checkpoints of the way that training took: up to the step that it goes on from, and to the
    /// newest that it has reached since. What lies beyond is not gone on from, so that it must neither keep a new
    /// checkpoint from being uploaded nor count as the newest.
    private var counted: [StoredCheckpoint] {
        let reached = max(configuration.resumeStep ?? -1, local.finished().first?.step ?? -1)
        return (committed ?? []).filter { $0.folder.step <= reached }
    }

    private mutating func prune() async throws(S3Error) {
        let counted = counted
        let expendable = retention.expendable(counted.map(\.entry))
        for checkpoint in counted where expendable.contains(checkpoint.entry) {
            try await store.synchroniser.remove(checkpoint.folder.location)
            committed?.removeAll { $0 == checkpoint }
            logger.info("pruned \(checkpoint.folder.location)")
        }
        do throws(S3Error) {
            try pruneLocal()
            localProblem.clear("checkpoints can be removed from the workspace again", to: logger)
        } catch {
            // The failure costs only space: uploads go on.
            localProblem.report("\(error.message)", to: logger)
        }
    }

    /// Removes local checkpoints older than the newest kept one, unless they are kept in S3, or refused.
    private func pruneLocal() throws(S3Error) {
        let kept = Set((committed ?? []).filter { $0.folder.attempt == attempt }.map(\.folder.step))
        guard let newest = kept.max() else { return }
        for folder in local.finished()
        where folder.step < newest && !kept.contains(folder.step) && refused[folder] == nil
            && !unreadable.contains(folder)
        {
            try FileTree.remove(folder.path)
            logger.info("removed '\(folder.path)'")
        }
    }

    private func publish() {
        let counted = counted
        let newest = counted.max {
            ($0.folder.step, $0.folder.attempt) < ($1.folder.step, $1.folder.attempt)
        }
        let best = Retention.best(counted.map(\.entry)).first.flatMap { entry in
            counted.first { $0.entry == entry }
        }
        let time = now()
        state.update {
            $0.newest = newest?.reference
            $0.best = best?.reference
            $0.lastSign = max($0.lastSign ?? .distantPast, time)
        }
    }
}

extension StoredCheckpoint {
    var entry: Retention.Entry {
        Retention.Entry(step: folder.step, attempt: folder.attempt, evalLoss: evalLoss)
    }
}
