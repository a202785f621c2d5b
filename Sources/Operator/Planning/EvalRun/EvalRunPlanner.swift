import AnnealAPI
import KubernetesAPI
import Scheduling

/// Decides what is to be done about an EvalRun: pure and total.
///
/// Suites run in parallel, one pod each. A suite's attempt is written to the status in one pass, its pod is
/// created in the next.
public enum EvalRunPlanner {
    public static func plan(_ observation: EvalRunObservation) -> Plan<EvalRunStatus> {
        var draft = EvalRunDraft(observation)
        return draft.pass()
    }

    /// The run as the scheduler sees it; nil while it neither waits for room nor has an admission.
    ///
    /// - Parameter pods: Pods of the run, of whatever attempt, ended ones too.
    public static func workload(
        of run: EvalRun, pods: [Pod], settings: PlannerSettings, now: Timestamp
    ) -> Workload? {
        guard let status = run.status, let uid = run.metadata.uid else { return nil }
        let own = pods.filter { RunObject(run).controls($0.metadata) && !$0.isFinished }
        guard let state = state(run, status, running: own.count) else { return nil }
        let builder = EvaluationPod(run: RunObject(run), spec: run.spec, settings: settings)
        let placement = run.spec.placement
        let next = (status.attempt ?? 0).next
        return Workload(
            identity: .init(kind: EvalRun.resourceType.kind, key: run.key, uid: uid),
            attempt: state == .waiting ? next : status.admission?.attempt ?? next, state: state,
            gang: gang(builder, status), pool: placement?.pool?.rawValue,
            gpuResource: builder.gpus > 0 ? builder.gpuResource : nil, gpuType: placement?.gpuType,
            capacityType: PodPlacement.nodeSelector(placement)[Anneal.Label.capacityType],
            priorityClassName: placement?.priorityClassName,
            waitingSince: status.startTime ?? run.metadata.creationTimestamp ?? now)
    }

    /// Suites need no other to run: one is worth starting.
    private static func gang(_ builder: EvaluationPod, _ status: EvalRunStatus) -> GangRequest {
        var gang = builder.request
        gang.count = max(1, gang.count - finished(status))
        return gang
    }

    private static func finished(_ status: EvalRunStatus) -> Int {
        (status.suites ?? []).count { $0.finished == true }
    }

    private static func state(_ run: EvalRun, _ status: EvalRunStatus, running: Int) -> Workload.State? {
        let waits =
            status.phase == .queued && run.metadata.deletionTimestamp == nil
            && run.spec.runPolicy.letsRun
        guard let admission = status.admission else { return waits && running == 0 ? .waiting : nil }
        let isStarting =
            waits && admission.revoked == nil && admission.attempt == (status.attempt ?? 0).next
        let isLive = isStarting || (status.phase == .evaluating && admission.attempt == status.attempt)
        let left = max(0, run.spec.suites.count - finished(status))
        return Workload.State(
            admission, outstanding: isLive ? max(0, min(admission.pods, left) - running) : nil,
            isHolding: running > 0, isSuspended: status.phase == .suspended, waits: waits)
    }
}

/// All that an EvalRun's plan depends on.
public struct EvalRunObservation: Sendable {
    public var run: EvalRun
    public var now: Timestamp
    /// Pods whose controlling owner is the run, of whatever attempt.
    public var pods: [Pod]
    /// Errors that validation finds in the spec; a run with any ends as `InvalidSpec`.
    public var specErrors: [FieldError]
    public var settings: PlannerSettings
    /// Nodes of the run's pods that are lost.
    public var lostNodes = LostNodes()
    /// Kubelets' events on the start of pods that have not started, by the pod's UID.
    public var starts: [String: StartEvent] = [:]
    /// UIDs of objects that this process created for the run.
    public var ownUIDs: Set<String> = []
    /// Seals of what the run creates.
    public var seals = Seals(secret: "")

    public init(run: EvalRun, now: Timestamp, settings: PlannerSettings) {
        self.run = run
        self.now = now
        self.settings = settings
        pods = []
        specErrors = []
    }
}
