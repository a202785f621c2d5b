import AnnealAPI
import KubernetesAPI

/// A kind whose state machine lives in its status.
protocol StatefulRun: KubernetesResource {
    associatedtype RunStatus: PhasedStatus
    var status: RunStatus? { get set }
}

/// A status that names where its run is, and why.
protocol PhasedStatus: Codable, Hashable, Sendable {
    var phaseName: String { get }
    var reason: String? { get }
    /// The stage that the run is in.
    var stageName: String { get }
    /// The try of that stage, from 1; nil where it has none.
    var attemptNumber: Int? { get }
    /// How long each stage took that is over, in seconds.
    var stageSeconds: [String: Int64] { get }
    var gpuSeconds: Int64? { get }
}

extension TrainingJob: StatefulRun {}
extension EvalRun: StatefulRun {}

extension TrainingJobStatus: PhasedStatus {
    var phaseName: String { phase.rawValue }
    var stageName: String { (current?.stage ?? phase).rawValue }
    var attemptNumber: Int? { current?.attempt }
    var stageSeconds: [String: Int64] {
        let ended = (stages ?? []).compactMap { stage in
            stage.finishedAt.map { (stage.name.rawValue, $0.seconds(since: stage.startedAt)) }
        }
        return Dictionary(ended) { _, last in last }
    }
}

extension EvalRunStatus: PhasedStatus {
    var phaseName: String { phase.rawValue }
    var stageName: String { phaseName }
    var attemptNumber: Int? { suites?.map(\.attempt).max() }
    /// An evaluation is one stage, from its first pod to its verdict.
    var stageSeconds: [String: Int64] {
        guard let startTime, let completionTime else { return [:] }
        return [EvalRunPhase.evaluating.rawValue: completionTime.seconds(since: startTime)]
    }
}
