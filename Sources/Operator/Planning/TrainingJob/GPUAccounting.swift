import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    func gang(_ attempt: Int) -> TrainingGang {
        TrainingGang(run: run, spec: spec, settings: settings, attempt: attempt, resume: status.resume)
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

    /// Notes when an attempt's pods got their GPUs, and settles once they have all let go of them. The
    /// interval is closed in the same write that adds it up, so that it counts exactly once.
    mutating func accountForGPUs() {
        if status.phase == .training, status.gpusHeldSince == nil,
            let current = status.current, current.stage == .training
        {
            let starts = attemptPods(current.attempt).values.compactMap(\.heldSince)
            if let first = starts.min() { status.gpusHeldSince = min(now, max(first, current.startedAt)) }
        }
        guard status.phase != .training, let since = status.gpusHeldSince,
            !trainers.contains(where: \.isHolding)
        else { return }
        let seconds = max(0, releaseTime.seconds(since: since))
        status.gpuSeconds = max(0, status.gpuSeconds ?? 0)
            .addingClamped(seconds.multipliedClamped(by: Int64(gpuCount)))
        status.gpusHeldSince = nil
    }

    /// GPUs of the whole gang.
    var gpuCount: Int {
        let (count, overflow) = gang(1).nodes.multipliedReportingOverflow(
            by: max(0, spec.trainer.gpusPerNode))
        return overflow ? 0 : count
    }

    /// When the last pod of the newest attempt ended, as far as that can still be seen.
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
}
