import AnnealAPI
import KubernetesAPI
import Scheduling

extension TrainingJobDraft {
    /// Queued: waits for the scheduler's word on the next attempt.
    mutating func waitForAdmission() {
        guard status.current?.stage == .queued else { return begin(.queued) }
        guard isAdmitted() else { return }
        closeRecord()
        begin(.training)
        if status.conditions?.isTrue("Preempted") == true {
            set("Preempted", false, reason: "Readmitted", message: "Training goes on")
        }
        note(.normal, "Admitted", "Begins training attempt \(status.trainingAttempts ?? 1)")
    }

    mutating func queueAgain(after revocation: Revocation) {
        begin(.preparing)
        explain(AttemptFailure(.interrupted, reason: "Preempted", message: revocation.message))
        set("Preempted", true, reason: "Preempted", message: "The scheduler took the GPUs back")
    }

    mutating func train() {
        guard let current = status.current, current.stage == .training else { return begin(.queued) }
        let gang = gang(current.attempt)
        let pods = attemptPods(current.attempt)
        let outcomes = pods.mapValues { $0.outcome(main: TrainingGang.trainerName) }
        if let failure = ending(outcomes) { return endAttempt(failure) }
        if pods.count == gang.nodes, outcomes.values.allSatisfy(\.isSuccess) {
            return finishTraining(outcomes)
        }
        if giveBack(current.attempt) { return }
        if exceedsDeadline() { return }
        if pods.count < gang.nodes {
            guard current.launchedAt == nil else {
                return endAttempt(
                    AttemptFailure(
                        .interrupted, reason: "PodLost", message: "A training pod vanished without a trace"))
            }
            return launch(gang, missing: (0..<gang.nodes).filter { pods[$0] == nil })
        }
        if current.launchedAt == nil { noteLaunch() }
        supervise(outcomes, rankZero: pods[0], launchedAt: current.launchedAt ?? now)
    }

    private mutating func launch(_ gang: TrainingGang, missing: [Int]) {
        let names = Set((0..<gang.nodes).map(gang.podName))
        guard !hasUnfinishedPods(besides: names) else { return wake(after: settings.queuePollSeconds) }
        guard gang.gpus == 0 || hold() else { return }
        createClaimIfMissing()
        if !seen.leases.contains(where: { $0.name == gang.leaseName }) {
            create(gang.lease)
        }
        if gang.nodes > 1, !seen.services.contains(where: { $0.name == gang.serviceName }) {
            create(gang.service)
        }
        let needs = made
        for rank in missing {
            guard let pod = gang.pod(rank) else {
                return end(
                    .failed, reason: "InvalidSpec",
                    message: "The trainer's configuration can't be written as JSON: a number is not finite")
            }
            create(pod, needs: needs)
        }
    }

    /// The ending that explains the others: one pod's end takes the rest of the gang with it.
    private func ending(_ outcomes: [Int: PodOutcome]) -> AttemptFailure? {
        let failures = outcomes.sorted { $0.key < $1.key }.compactMap { _, outcome -> AttemptFailure? in
            if case .ended(let failure) = outcome { failure } else { nil }
        }
        return failures.first { $0.kind == .terminal } ?? failures.first { $0.kind == .interrupted }
            ?? failures.first
    }

    private mutating func finishTraining(_ outcomes: [Int: PodOutcome]) {
        if case .succeeded(let message) = outcomes[0],
            let summary: TrainerSummary = TerminationMessage.decode(message)
        {
            var progress = status.progress ?? TrainingProgress()
            progress.initialEvalLoss = progress.initialEvalLoss ?? summary.initialEvalLoss?.finite
            progress.evalLoss = summary.finalEvalLoss?.finite ?? progress.evalLoss
            progress.loss = summary.finalLoss?.finite?.shortened ?? progress.loss
            if let steps = summary.steps, steps >= 0 { progress.step = steps }
            status.progress = progress
            tell(summary.warnings)
        }
        leaveTraining()
        status.fruitlessInterruptions = nil
        advance(to: .uploading)
    }

    /// Seconds that Training may take over all attempts.
    var trainingDeadline: Int64 {
        let asked = spec.runPolicy?.activeDeadlineSeconds ?? settings.training.seconds
        switch spec.placement?.pool {
        case .development: return min(asked, 3600)
        case .production, nil: return asked
        }
    }

    private mutating func exceedsDeadline() -> Bool {
        let running = status.gpusHeldSince.map { max(0, now.seconds(since: $0)) } ?? 0
        let spent = max(0, status.trainedSeconds ?? 0).addingClamped(running)
        let left = trainingDeadline.addingClamped(-spent)
        guard left <= 0 else {
            if status.gpusHeldSince != nil { wake(after: left) }
            return false
        }
        end(
            .failed, reason: "DeadlineExceeded",
            message: "Training took longer than \(trainingDeadline) seconds (runPolicy.activeDeadlineSeconds)"
        )
        return true
    }

    /// Watches a whole gang: pods without a node, containers that can't start, a trainer that says nothing.
    private mutating func supervise(_ outcomes: [Int: PodOutcome], rankZero: Pod?, launchedAt: Timestamp) {
        for (_, outcome) in outcomes.sorted(by: { $0.key < $1.key }) {
            switch outcome {
            case .unscheduled(let since):
                let start = max(since ?? launchedAt, launchedAt)
                let left = settings.unschedulableSeconds.addingClamped(-max(0, now.seconds(since: start)))
                if left <= 0 { return requeue() }
                wake(after: left)
            case .blocked:
                watch(outcome, since: launchedAt)
                if status.phase.isTerminal { return }
            case .active, .succeeded, .ended: break
            }
        }
        let isBlocked = outcomes.values.contains { if case .blocked = $0 { true } else { false } }
        if !isBlocked { status.reason = nil }
        if !isBlocked {
            status.message = heartbeat?.metadata.annotations?[HeartbeatAnnotation.problem].map(
                Wording.bounded)
        }
        checkHeartbeat(rankZero)
    }

    private mutating func requeue() {
        leaveTraining()
        closeRecord()
        begin(.queued)
        explain(
            AttemptFailure(
                .interrupted, reason: "Unschedulable",
                message:
                    "No node took all pods within \(settings.unschedulableSeconds) seconds; they queue again")
        )
        set("Admitted", false, reason: "Unschedulable", message: "The pods could not be scheduled")
    }

    /// Silence counts from the trainer's start or its last sign of life, whichever is later.
    private mutating func checkHeartbeat(_ pod: Pod?) {
        let trainer = pod?.container(TrainingGang.trainerName)?.state
        guard let pod, let running = trainer?.running else { return }
        let timeout = max(1, spec.runPolicy?.heartbeatTimeoutSeconds ?? settings.heartbeatTimeoutSeconds)
        let start = running.startedAt ?? pod.heldSince ?? now
        let renewed = heartbeat?.spec?.renewTime?.timestamp ?? start
        let left = timeout.addingClamped(-max(0, now.seconds(since: max(start, min(renewed, now)))))
        guard left <= 0 else { return wake(after: left) }
        endAttempt(
            AttemptFailure(
                .counted, reason: "HeartbeatLost",
                message:
                    "The trainer showed no sign of life for \(timeout) seconds: the attempt is stuck and is replaced"
            ))
    }
}

// MARK: The end of an attempt

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

extension PodOutcome {
    var isSuccess: Bool { if case .succeeded = self { true } else { false } }
}

extension Double {
    var finite: Double? { isFinite ? self : nil }
}

/// Short answer that a trainer may leave; nil stands for what it left out.
private struct TrainerSummary: Decodable {
    var initialEvalLoss: Double?
    var finalEvalLoss: Double?
    var finalLoss: Double?
    var steps: Int64?
    /// Things that people should know of the run, in words.
    var warnings: [String]?
}
