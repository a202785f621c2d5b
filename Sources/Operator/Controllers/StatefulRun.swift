import AnnealAPI
import KubernetesAPI

/// A kind whose state machine lives in its status.
protocol StatefulRun: KubernetesResource {
    associatedtype RunStatus: PhasedStatus
    var status: RunStatus? { get }
}

/// A status that names where its run is, and why.
protocol PhasedStatus: Codable, Hashable, Sendable {
    var phaseName: String { get }
    var reason: String? { get }
}

extension TrainingJob: StatefulRun {}
extension EvalRun: StatefulRun {}

extension TrainingJobStatus: PhasedStatus {
    var phaseName: String { phase.rawValue }
}

extension EvalRunStatus: PhasedStatus {
    var phaseName: String { phase.rawValue }
}
