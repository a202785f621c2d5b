import AnnealAPI
import FoundationEssentials
import Synchronization

/// What the sidecar's loops know together.
final class SyncState: Sendable {
    struct Snapshot: Equatable, Sendable {
        var tracker = ProgressTracker()
        /// The trainer's last sign of life.
        var lastSign: Date?
        /// Committed, by this attempt or an earlier one.
        var newest: CheckpointReference?
        var best: CheckpointReference?
        var isUploading = false
        /// What keeps uploads from succeeding.
        var uploadProblem: String?
        /// The newer attempt that has taken over.
        var newerAttempt: Int?
        var isStopping = false
        /// After a stop: all that could be uploaded is.
        var isFlushed = false
    }

    private let state = Mutex(Snapshot())

    var snapshot: Snapshot { state.withLock { $0 } }

    var isStopping: Bool { state.withLock { $0.isStopping } }
    var isFlushed: Bool { state.withLock { $0.isFlushed } }

    func update(_ change: (inout Snapshot) -> Void) { state.withLock { change(&$0) } }
}
