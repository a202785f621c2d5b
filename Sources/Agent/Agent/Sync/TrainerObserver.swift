import FoundationEssentials

/// Observes the trainer by its metrics file and its checkpoint folder.
struct TrainerObserver {
    private var tail: MetricsTail
    private let checkpoints: LocalCheckpoints
    private var trace: LocalCheckpoints.Trace?
    private var tracker = ProgressTracker()

    init(metricsFile: String, checkpoints: LocalCheckpoints) {
        tail = MetricsTail(path: metricsFile)
        self.checkpoints = checkpoints
    }

    /// Takes up new lines and changes since the last look.
    mutating func look(_ state: SyncState, now: Date) {
        var tracker = tracker
        let grew = tail.look { line in
            if let point = MetricsPoint(line) { tracker.take(point) }
        }
        self.tracker = tracker
        let seen = checkpoints.trace()
        // Files from before the first look say nothing about the trainer.
        let moved = trace.map { $0 != seen } ?? false
        trace = seen
        state.update {
            $0.tracker = tracker
            if grew || moved { $0.lastSign = now }
        }
    }
}
