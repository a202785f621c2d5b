import AnnealAPI
import FoundationEssentials
import Synchronization

/// State that the sidecar's loops share.
final class SyncState: Sendable {
    struct Snapshot: Equatable, Sendable {
        var tracker = ProgressTracker()
        /// Time of the trainer's last sign of life.
        var lastSign: Date?
        /// The newest committed checkpoint, of this attempt or an earlier one.
        var newest: CheckpointReference?
        var best: CheckpointReference?
        var isUploading = false
        /// Longest times that checkpoints of this attempt took.
        var checkpointSeconds = CheckpointSeconds()
        /// Problem that keeps uploads from succeeding; nil if there is none.
        var uploadProblem: String?
        /// Checkpoints that cannot be uploaded as they are, with the cause; nil if there are none. Others are
        /// not held up.
        var refusal: String?
        var isStopping = false
        /// Whether, after a stop, all that could be uploaded is uploaded.
        var isFlushed = false
        /// Whether nothing is only on the volume: every finished checkpoint is committed, and there is no model.
        var isSaved = false
    }

    private let state = Mutex(Snapshot())

    var snapshot: Snapshot { state.withLock { $0 } }

    var isStopping: Bool { state.withLock { $0.isStopping } }
    var isFlushed: Bool { state.withLock { $0.isFlushed } }

    /// Notes how long a checkpoint took. Only a longer time than the one that is known changes anything; seconds
    /// are rounded up to a multiple of five, so that they seldom do.
    func note(_ time: WritableKeyPath<CheckpointSeconds, Int64?>, from start: Date, to end: Date) {
        let seconds = end.timeIntervalSince(start)
        guard seconds.isFinite, (0...86_400).contains(seconds) else { return }
        let rounded = Int64((seconds / 5).rounded(.up)) * 5
        state.withLock { state in
            state.checkpointSeconds[keyPath: time] = max(
                rounded, state.checkpointSeconds[keyPath: time] ?? 0)
        }
    }

    func update(_ change: (inout Snapshot) -> Void) { state.withLock { change(&$0) } }
}
