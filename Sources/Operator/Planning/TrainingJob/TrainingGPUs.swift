import AnnealAPI
import KubernetesAPI
import Scheduling

/// A TrainingJob's claim to GPUs, read from its status and its pods.
struct TrainingWorkload {
    var job: TrainingJob
    /// Pods of the run, of whatever attempt, ended ones too.
    var pods: [Pod]
    var settings: PlannerSettings
    var now: Timestamp

    var workload: Workload? {
        guard let status = job.status, let uid = job.metadata.uid, let state = state(status) else {
            return nil
        }
        let run = RunObject(job)
        let next = (status.trainingAttempts ?? 0).next
        let attempt = state == .waiting ? next : status.admission?.attempt ?? next
        let gang = TrainingGang(run: run, spec: job.spec, settings: settings, attempt: attempt)
        let placement = job.spec.placement
        return Workload(
            identity: .init(kind: TrainingJob.resourceType.kind, key: job.key, uid: uid), attempt: attempt,
            state: state, gang: gang.request, pool: placement?.pool?.rawValue,
            gpuResource: job.spec.trainer.gpusPerNode > 0
                ? placement?.gpuResourceName ?? ContainerResources.defaultGPU : nil,
            gpuType: placement?.gpuType,
            capacityType: PodPlacement.nodeSelector(placement)[Anneal.Label.capacityType],
            priorityClassName: placement?.priorityClassName, waitingSince: waitingSince(status),
            lossIfStopped: loss(status))
    }

    private func state(_ status: TrainingJobStatus) -> Workload.State? {
        let trainers = pods.filter { RunObject(job).controls($0.metadata) }
        guard let admission = status.admission else {
            return waits(status) && pods.allSatisfy(\.isFinished) ? .waiting : nil
        }
        return Workload.State(
            admission,
            outstanding: isLive(admission, status) ? outstanding(admission, trainers) : nil,
            isHolding: trainers.contains { !$0.isFinished }, isSuspended: status.phase == .suspended,
            waits: waits(status))
    }

    private func waits(_ status: TrainingJobStatus) -> Bool {
        status.phase == .queued && status.current?.stage == .queued && status.current?.notBefore == nil
            && job.metadata.deletionTimestamp == nil && job.spec.runPolicy.letsRun
    }

    /// Whether the admission speaks of the attempt that runs, or of the one that is about to.
    private func isLive(_ admission: Admission, _ status: TrainingJobStatus) -> Bool {
        switch status.phase {
        case .training: status.current?.attempt == admission.attempt
        case .queued:
            waits(status) && admission.revoked == nil
                && admission.attempt == (status.trainingAttempts ?? 0).next
        case .pending, .validating, .preprocessing, .preparing, .uploading, .evaluating, .registering,
            .completed, .suspended, .evalFailed, .failed, .cancelled, .pruned:
            false
        }
    }

    /// Pods of the attempt that were not seen: not created yet, or too lately for this process to know.
    private func outstanding(
        _ admission: Admission, _ trainers: [Pod]
    ) -> Int {
        let gang = TrainingGang(
            run: RunObject(job), spec: job.spec, settings: settings, attempt: admission.attempt)
        let names = Set((0..<min(gang.nodes, 256)).map(gang.podName))
        return max(0, admission.pods - trainers.count { names.contains($0.name) })
    }

    /// Time of the first wait in the queue: an interrupted run keeps its place.
    private func waitingSince(_ status: TrainingJobStatus) -> Timestamp {
        status.stages?.first { $0.name == .queued }?.startedAt ?? job.metadata.creationTimestamp ?? now
    }

    /// GPU-seconds of the running attempt: the most that can be lost, as checkpoints carry no time.
    private func loss(_ status: TrainingJobStatus) -> Int64 {
        guard status.phase == .training, let since = status.gpusHeldSince else { return 0 }
        return max(0, now.seconds(since: since)).multipliedClamped(by: status.admission?.gpus ?? 0)
    }
}

extension TrainingJobDraft {
    func gang(_ attempt: Int) -> TrainingGang {
        let preparation =
            spec.hasOwnVolume
            ? StageJob(run: run, spec: spec, status: status, settings: settings).preparation(attempt)
            : nil
        return TrainingGang(
            run: run, spec: spec, settings: settings, attempt: attempt, claim: claimName,
            resume: status.resume, preparation: preparation, measured: status.checkpointSeconds,
            avoidedNodes: avoidedNodes)
    }

    /// The training pods that the run controls, of whatever attempt.
    var trainers: [Pod] { seen.pods.filter { run.controls($0.metadata) } }

    var hasUnfinishedTrainers: Bool { trainers.contains { !$0.isFinished } }

    /// Pods of the newest training attempt that exist, by node rank.
    func attemptPods(_ attempt: Int) -> [Int: Pod] {
        let gang = gang(attempt)
        let byName = Dictionary(trainers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var pods: [Int: Pod] = [:]
        for rank in 0..<min(gang.nodes, 256) { pods[rank] = byName[gang.podName(rank)] }
        return pods
    }

    mutating func noteHolding() {
        if status.phase == .training, status.gpusHeldSince == nil,
            let current = status.current, current.stage == .training
        {
            let starts = attemptPods(current.attempt).values.compactMap(\.heldSince)
            if let first = starts.min() { status.gpusHeldSince = min(now, max(first, current.startedAt)) }
        }
        if status.phase != .training, !trainers.contains(where: \.isHolding) { status.gpusHeldSince = nil }
    }

    var gpusPerPod: Int { gang(1).gpus }

    /// GPUs of the whole gang.
    var gpuCount: Int {
        let (count, overflow) = gang(1).nodes.multipliedReportingOverflow(by: gang(1).gpus)
        return overflow ? 0 : count
    }

    /// Time at which the last pod of the newest attempt ended; now if a pod runs or that can't be seen any
    /// more.
    private var releaseTime: Timestamp {
        guard let attempt = status.trainingAttempts else { return now }
        let pods = attemptPods(attempt).values
        guard !pods.isEmpty, pods.allSatisfy(\.isFinished) else { return now }
        return min(now, pods.compactMap(\.finishedAt).max() ?? now)
    }

    /// Adds the attempt's time to what counts against the deadline.
    mutating func leaveTraining() {
        guard let since = status.gpusHeldSince else { return }
        status.trainedSeconds = max(0, status.trainedSeconds ?? 0)
            .addingClamped(max(0, releaseTime.seconds(since: since)))
    }

    /// Whether pods of the run other than `names` may still write to the workspace.
    func hasUnfinishedPods(besides names: Set<String>) -> Bool {
        seen.pods.contains { !$0.isFinished && !names.contains($0.name) }
    }

    var pods: [Pod] { seen.pods }
    var workers: [Pod] { trainers }
    var hasWorkToSave: Bool { status.phase == .training && hasUnfinishedTrainers }

    /// Ends an attempt whose pod takes too long to fill its own volume: it holds its GPUs meanwhile.
    mutating func exceedsPreparation(_ pods: [Int: Pod]) -> Bool {
        let preparation = pods[0]?.status?.initContainerStatuses?.first {
            $0.name == TrainingGang.preparationName
        }
        guard let start = preparation?.state?.running?.startedAt else { return false }
        let left = now.left(of: settings.preparing.seconds, since: start)
        guard left <= 0 else {
            wake(after: left)
            return false
        }
        endAttempt(
            AttemptFailure(
                .counted, reason: "DeadlineExceeded",
                message: "The pod's inputs were not there within \(settings.preparing.seconds) seconds"))
        return true
    }
}
