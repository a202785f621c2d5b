import FoundationEssentials

/// Observes the trainer by its metrics file and its checkpoint folder.
struct TrainerObserver {
    private var tail: MetricsTail
    private let checkpoints: LocalCheckpoints
    private var trace: LocalCheckpoints.Trace?
    private var tracker = ProgressTracker()
    /// Times at which checkpoints that are being written were first seen, by step.
    private var begun: [Int64: Date] = [:]

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
        measureSaves(state, now: now)
    }

    /// Measures how long the trainer takes to write a checkpoint: from its first file to its final name.
    private mutating func measureSaves(_ state: SyncState, now: Date) {
        let unfinished = checkpoints.unfinished()
        for step in unfinished where begun[step] == nil { begun[step] = now }
        let over = begun.filter { !unfinished.contains($0.key) }
        guard !over.isEmpty else { return }
        let finished = Set(checkpoints.finished().map(\.step))
        for (step, start) in over {
            begun[step] = nil
            if finished.contains(step) { state.note(\.save, from: start, to: now) }
        }
    }
}
