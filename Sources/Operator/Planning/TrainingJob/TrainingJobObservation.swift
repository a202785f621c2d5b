import AnnealAPI
import KubernetesAPI
import Scheduling

/// All that a TrainingJob's plan depends on.
public struct TrainingJobObservation: Sendable {
    public var job: TrainingJob
    public var now: Timestamp
    /// Children: objects whose controlling owner is the run, of whatever attempt.
    public var jobs: [Job]
    /// All that carry the label `anneal.dev/run-uid` with the run's UID: the run's own, and those of its
    /// Jobs, also where a Job is gone and its pod is not yet.
    public var pods: [Pod]
    public var claims: [PersistentVolumeClaim]
    public var services: [Service]
    public var leases: [Lease]
    public var evalRuns: [EvalRun]
    /// The name of an older live run of the namespace with the same idempotency key.
    public var conflictingRun: String?
    /// What validation says against the spec; a run with any fails as `InvalidSpec`.
    public var specErrors: [FieldError]
    public var settings: PlannerSettings

    public init(job: TrainingJob, now: Timestamp, settings: PlannerSettings) {
        self.job = job
        self.now = now
        self.settings = settings
        jobs = []
        pods = []
        claims = []
        services = []
        leases = []
        evalRuns = []
        specErrors = []
    }
}
