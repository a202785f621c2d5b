import AnnealAPI

/// Progress and evaluations from the lines of a metrics file.
struct ProgressTracker: Equatable, Sendable {
    /// Evaluations that are remembered, to find the loss of a checkpoint.
    private static let evaluationLimit = 1000

    private(set) var progress = TrainingProgress()
    /// Warnings of the last line that has any; nil if none has.
    private(set) var warnings: [String]?
    private var evaluations: [(step: Int64, loss: Double)] = []

    /// Takes a line. A later line of a step replaces an earlier one: a resumed run repeats the steps since
    /// its checkpoint.
    mutating func take(_ point: MetricsPoint) {
        if let step = point.step {
            progress.step = step
            if let loss = point.evalLoss { remember(loss, at: step) }
        }
        if let total = point.totalSteps { progress.totalSteps = total }
        if let epoch = point.epoch { progress.epoch = epoch }
        if let loss = point.loss { progress.loss = loss }
        if let loss = point.evalLoss {
            progress.evalLoss = loss
            if point.step == 0 { progress.initialEvalLoss = loss }
        }
        if let rate = point.learningRate { progress.learningRate = rate }
        if let speed = point.tokensPerSecond { progress.tokensPerSecond = speed }
        if let warnings = point.warnings { self.warnings = warnings }
    }

    private mutating func remember(_ loss: Double, at step: Int64) {
        evaluations.removeAll { $0.step >= step }
        evaluations.append((step, loss))
        if evaluations.count > Self.evaluationLimit { evaluations.removeFirst() }
    }

    /// The validation loss at a step, or at the last evaluation before it.
    func evalLoss(at step: Int64) -> Double? { evaluations.last { $0.step <= step }?.loss }

    static func == (lhs: ProgressTracker, rhs: ProgressTracker) -> Bool {
        lhs.progress == rhs.progress && lhs.warnings == rhs.warnings
            && lhs.evaluations.elementsEqual(rhs.evaluations, by: ==)
    }
}
