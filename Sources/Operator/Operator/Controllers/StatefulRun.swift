import KubernetesAPI

/// A kind whose state machine lives in its status.
protocol StatefulRun: KubernetesResource {
    associatedtype RunStatus: PhasedStatus
    var status: RunStatus? { get set }
}

/// Status of every kind that has a state machine: where its object is, and why.
protocol PhasedStatus: Codable, Hashable, Sendable {
    var phaseName: String { get }
    var reason: String? { get }
    var conditions: [Condition]? { get set }
    /// Stage that the object is in; the phase for a kind without stages.
    var stageName: String { get }
    /// Attempt of that stage, from 1; nil where it has none.
    var attemptNumber: Int? { get }
    /// Seconds that each attempt of a stage took that ended since the status before.
    func endedStages(since before: Self?) -> [String: Int64]
    /// Progress and measures that an owner goes by.
    var figures: [String: Double] { get }
    /// Wait of the object, as its owner shows it; nil for none.
    var wait: String? { get }
}

extension PhasedStatus {
    var stageName: String { phaseName }
    var attemptNumber: Int? { nil }
    func endedStages(since before: Self?) -> [String: Int64] { [:] }
    var figures: [String: Double] { [:] }
    var wait: String? { nil }
}

/// Status of a kind whose objects hold GPUs.
protocol GPUHoldingStatus: PhasedStatus {
    /// GPUs times seconds held so far; nil for none.
    var gpuSeconds: Int64? { get }
}
