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

    /// Notes since when the attempt holds its GPUs, and settles the GPU time of pods.
    mutating func accountForGPUs() {
        if status.phase == .training, status.gpusHeldSince == nil,
            let current = status.current, current.stage == .training
        {
            let starts = attemptPods(current.attempt).values.compactMap(\.heldSince)
            if let first = starts.min() { status.gpusHeldSince = min(now, max(first, current.startedAt)) }
        }
        if status.phase != .training, !trainers.contains(where: \.isHolding) { status.gpusHeldSince = nil }
        accounting.settle(&status, pods: trainers, gpus: gang(1).gpus)
    }

    var accounting: GPUAccounting { GPUAccounting(now: now, patience: settings.forceDeleteSeconds) }
    var isSettled: Bool { accounting.isSettled(status, pods: trainers) }

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

    var hasUnfinishedPods: Bool { hasUnfinishedPods(besides: []) }
    var workers: [Pod] { trainers }
    var hasWorkToSave: Bool { status.phase == .training && hasUnfinishedTrainers }
}

extension TrainingJobDraft {
    /// Ends a training attempt that did not succeed: by its failure's kind, never by guess.
    mutating func endAttempt(_ failure: AttemptFailure) {
        recordFailure(failure, of: .training)
        switch failure.kind {
        case .terminal: end(.failed, reason: failure.reason, message: advice(on: failure))
        case .counted: count(failure)
        case .interrupted: interrupt(failure)
        }
    }

    /// Begins another attempt, from the newest verified checkpoint; it counts only where interruptions bring
    /// nothing but more of them, so that every run ends.
    private mutating func interrupt(_ failure: AttemptFailure) {
        let ran = status.gpusHeldSince.map { now.seconds(since: $0) } ?? 0
        let hasNewCheckpoint = status.checkpoint.map { $0.step > status.resume?.step ?? -1 } ?? false
        let isFruitful = hasNewCheckpoint || ran >= settings.fruitfulSeconds
        let fruitless = isFruitful ? 0 : max(0, status.fruitlessInterruptions ?? 0).next
        guard fruitless < settings.maxFruitlessInterruptions else {
            status.fruitlessInterruptions = nil
            return count(
                AttemptFailure(
                    .counted, reason: failure.reason,
                    message: "\(failure.message) (\(fruitless) interruptions in a row without progress)"))
        }
        status.fruitlessInterruptions = fruitless > 0 ? fruitless : nil
        set("Preempted", true, reason: failure.reason, message: "The last attempt was interrupted")
        again(
            failure, after: settings.backoff(failures: fruitless - 1, factor: settings.training.backoffFactor)
        )
    }

    private mutating func count(_ failure: AttemptFailure) {
        let failures = max(0, status.countedFailures ?? 0).next
        status.countedFailures = failures
        let limit = max(0, spec.runPolicy?.backoffLimit ?? settings.training.attempts - 1)
        guard failures <= limit else {
            return end(
                .failed, reason: failure.reason,
                message: "\(failure.message) (failure \(failures); runPolicy.backoffLimit is \(limit))")
        }
        again(failure, after: settings.backoff(failures: failures, factor: settings.training.backoffFactor))
    }

    private mutating func again(_ failure: AttemptFailure, after seconds: Int64) {
        leaveTraining()
        if status.trainedSeconds ?? 0 >= trainingDeadline {
            return end(
                .failed, reason: "DeadlineExceeded",
                message:
                    "Training took longer than \(trainingDeadline) seconds; its last attempt: \(failure.message)"
            )
        }
        closeRecord()
        begin(.preparing, after: seconds)
        explain(failure)
    }

    private func advice(on failure: AttemptFailure) -> String {
        guard failure.reason == "OOMKilled" else { return failure.message }
        let batch = spec.hyperparameters?.batchSize.map { " (now \($0))" } ?? ""
        let length = spec.hyperparameters?.maxSequenceLength.map { " (now \($0))" } ?? ""
        let memory = spec.trainer.resourcesPerNode?.memory.map { " (now \($0))" } ?? ""
        return "\(failure.message): reduce hyperparameters.batchSize\(batch) or maxSequenceLength\(length), "
            + "or raise trainer.resourcesPerNode.memory\(memory)"
    }
}
