import AnnealAPI
import KubernetesAPI
import Scheduling

/// Decides what is to be done about a TrainingJob: pure and total.
///
/// A pass makes one step at most. A step that begins an attempt writes the attempt's number to the
/// status and creates nothing; the pass that sees the number creates.
public enum TrainingJobPlanner {
    public static func plan(_ observation: TrainingJobObservation) -> Plan<TrainingJobStatus> {
        var draft = TrainingJobDraft(observation)
        draft.readHeartbeat()
        draft.superviseGracePeriod()
        return draft.pass()
    }

    /// The run as the scheduler sees it; nil while it neither waits for GPUs nor has an admission.
    ///
    /// - Parameter pods: Pods of the run, of whatever attempt, ended ones too.
    public static func workload(
        of job: TrainingJob, pods: [Pod], settings: PlannerSettings, now: Timestamp
    ) -> Workload? {
        TrainingWorkload(job: job, pods: pods, settings: settings, now: now).workload
    }

    /// Zones in which the run's GPU pods could find a place, where one of its CPU stages is about to be launched; none
    /// otherwise.
    ///
    /// - Parameter nodes: All nodes of the cluster.
    public static func zones(of job: TrainingJob, settings: PlannerSettings, nodes: () -> [Node])
        -> VolumeZones
    {
        guard let current = job.status?.current, current.launchedAt == nil else { return VolumeZones() }
        switch current.stage {
        case .validating, .preprocessing, .preparing, .uploading, .registering: break
        case .pending, .queued, .training, .evaluating, .completed, .suspended, .evalFailed, .failed,
            .cancelled,
            .pruned:
            return VolumeZones()
        }
        let gang = TrainingGang(run: RunObject(job), spec: job.spec, settings: settings, attempt: 1)
        // A run that goes anywhere has nothing to follow.
        guard gang.gpus > 0 || !gang.request.demands.nodeSelector.isEmpty else { return VolumeZones() }
        return VolumeTopology.zones(
            of: gang.request, own: PodPlacement.ownTolerations(job.spec.placement), among: nodes())
    }
}

/// All that a TrainingJob's plan depends on.
public struct TrainingJobObservation: Sendable {
    public var run: TrainingJob
    public var now: Timestamp
    /// Children: objects whose controlling owner is the run, of whatever attempt.
    public var jobs: [Job]
    /// Pods that carry the label `anneal.dev/run-uid` with the run's UID: the run's own, and those of its
    /// Jobs, also where a Job is gone and its pod is not yet.
    public var pods: [Pod]
    public var claims: [PersistentVolumeClaim]
    public var services: [Service]
    public var leases: [Lease]
    public var evalRuns: [EvalRun]
    /// Time at which the observer first saw the trainer's last sign of life, by its own clock: no clock of a
    /// node matters, and silence while the observer was cut off is none. Nil: it has seen no trainer.
    public var signOfLifeSeen: Timestamp?
    /// Name of an older live run of the namespace with the same idempotency key; nil if there is none.
    public var conflictingRun: String?
    /// The run that spec.continueFrom names, while this one is Pending; nil if there is none.
    public var source: TrainingJob?
    /// Claims of that run.
    public var sourceClaims: [PersistentVolumeClaim] = []
    /// Errors that validation finds in the spec; a run with any fails as `InvalidSpec`.
    public var specErrors: [FieldError]
    public var settings: PlannerSettings
    /// Nodes of the run's pods that are lost.
    public var lostNodes = LostNodes()
    /// Nodes for which the run's volumes were made and that are gone.
    public var goneNodes: Set<String> = []
    /// Zones in which the run's GPU pods could find a place.
    public var zones = VolumeZones()
    /// Events on pods that a node took and that have not started, and on Jobs that have no pod, by UID.
    public var starts: [String: StartEvent] = [:]
    /// UIDs of objects that this process created for the run.
    public var ownUIDs: Set<String> = []
    /// Seals of what the run creates.
    public var seals = Seals(secret: "")

    public init(run: TrainingJob, now: Timestamp, settings: PlannerSettings) {
        self.run = run
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

/// A plan in the making for a TrainingJob. Its stages are in files of their own.
struct TrainingJobDraft: GPURunDraft {
    let seen: TrainingJobObservation
    let run: RunObject
    var status: TrainingJobStatus
    var steps = PlannedSteps()

    init(_ observation: TrainingJobObservation) {
        seen = observation
        run = RunObject(observation.run)
        status = observation.run.status ?? TrainingJobStatus(phase: .pending)
    }

    var beginsAttempt: Bool {
        let attempt = { (status: TrainingJobStatus?) in
            status?.current.map { [$0.stage.rawValue, "\($0.attempt)"] }
        }
        return attempt(status) != attempt(observedStatus)
    }
    var nextAttempt: Int { (status.trainingAttempts ?? 0).next }
    /// One limit until the model is trained, another from then on: what needs no GPU may wait for its outside.
    var limit: RunLimit {
        if let since = status.completingSince {
            let seconds = max(1, policy?.completionDeadlineSeconds ?? settings.completionSeconds)
            let failure = (status.stages ?? []).first { $0.name == status.phase }?.lastFailure
            return RunLimit(
                seconds: seconds, since: since, reason: "CompletionDeadlineExceeded",
                message:
                    "\(status.phase.rawValue) did not succeed within \(seconds) seconds of the end of training "
                    + "(runPolicy.completionDeadlineSeconds)" + (failure.map { "; at last: \($0)" } ?? ""))
        }
        let seconds =
            policy?.totalDeadlineSeconds
            ?? max(settings.runLimitSeconds, trainingDeadline.addingClamped(settings.training.seconds))
        return RunLimit(
            seconds: seconds, reason: "RunTimeLimitExceeded",
            message: "The run took longer than \(seconds) seconds until its training ended "
                + "(runPolicy.totalDeadlineSeconds)")
    }
    var isWaiting: Bool {
        if status.phase == .evaluating { return ownChild?.status?.phase == .queued }
        return status.phase == .queued
    }

    mutating func resumed(after seconds: Int64) {
        status.completingSince = status.completingSince.map { $0.advanced(by: seconds) }
    }

    var conflict: (phase: TrainingJobPhase, reason: String, message: String)? {
        seen.conflictingRun.map { other in
            (
                .failed, "DuplicateIdempotencyKey",
                "TrainingJob \(other) has the same idempotencyKey and is not finished: "
                    + "wait for it, or use another key"
            )
        }
    }

    static func phase(of ending: Ending) -> TrainingJobPhase {
        switch ending {
        case .failed: .failed
        case .deleted: .cancelled
        case .stopped: .pruned
        }
    }

    mutating func start() {
        status.configSha256 = status.configSha256 ?? spec.configDigest
        if spec.continueFrom == nil { advance(to: .validating) } else { takeOver() }
    }

    mutating func stage() {
        switch status.phase {
        case .validating, .preprocessing, .preparing, .uploading, .registering: runJob(of: status.phase)
        case .queued: waitForAdmission()
        case .training: train()
        case .evaluating: evaluate()
        case .pending, .completed, .suspended, .evalFailed, .failed, .cancelled, .pruned: break
        }
    }

    mutating func closeAttempt(failure: String?) {
        if status.phase == .training { leaveTraining() }
        closeRecord(failure: failure)
        status.suspendedFrom = status.phase
    }

    mutating func resumeStage() {
        let from = status.suspendedFrom ?? status.current?.stage ?? .pending
        status.suspendedFrom = nil
        let current = status.current
        switch from {
        case .pending, .suspended, .completed, .evalFailed, .failed, .cancelled, .pruned:
            status.phase = .pending
            status.reason = nil
            status.message = nil
        case .training:
            // Preparing comes first: it finds the newest verified checkpoint.
            begin(.preparing)
        case .validating, .preprocessing, .preparing, .queued, .uploading, .evaluating, .registering:
            // The new attempt counts as nothing; what counted before still does.
            begin(from, failures: current?.failures ?? 0, interruptions: current?.interruptions ?? 0)
        }
    }

    /// Says what printer columns and conditions show, from the rest of the status.
    mutating func describe() {
        status.gpus = gpuCount
        if let seconds = status.gpuSeconds { status.gpuHours = Self.hours(seconds) }
        status.progressPercent = progressPercent
        if status.phase != .suspended { status.suspendedFrom = nil }
        if status.checkpoint != nil {
            set(
                "CheckpointVerified", true, reason: "Committed",
                message: "A checkpoint with a verified manifest exists")
        } else if status.conditions?["CheckpointVerified"] != nil {
            set("CheckpointVerified", false, reason: "None", message: "No checkpoint has a verified manifest")
        }
        describeLife()
    }

    private var progressPercent: String {
        if status.phase == .completed { return "100 %" }
        guard let step = status.progress?.step, let total = status.progress?.totalSteps, total > 0 else {
            return "0 %"
        }
        let (scaled, overflow) = min(max(0, step), total).multipliedReportingOverflow(by: 100)
        return "\(overflow ? 100 : scaled / total) %"
    }

    /// Hours with two decimals, rounded down.
    static func hours(_ seconds: Int64) -> String {
        let hundredths = max(0, seconds) / 36
        let fraction = String(hundredths % 100)
        return "\(hundredths / 100).\(fraction.count < 2 ? "0" : "")\(fraction)"
    }
}
