import AnnealAPI
import KubernetesAPI
import Scheduling

/// All that an EvalRun's plan depends on.
public struct EvalRunObservation: Sendable {
    public var run: EvalRun
    public var now: Timestamp
    /// Pods whose controlling owner is the run, of whatever attempt.
    public var pods: [Pod]
    /// What validation says against the spec; a run with any ends as `InvalidSpec`.
    public var specErrors: [FieldError]
    public var settings: PlannerSettings

    public init(run: EvalRun, now: Timestamp, settings: PlannerSettings) {
        self.run = run
        self.now = now
        self.settings = settings
        pods = []
        specErrors = []
    }
}
