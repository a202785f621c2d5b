import AnnealAPI
import KubernetesAPI
import Scheduling

extension TrainingJobDraft {
    /// Queued: waits for the scheduler's word on the next attempt.
    mutating func waitForAdmission() {
        guard let current = status.current, current.stage == .queued else { return begin(.queued) }
        if let start = current.notBefore {
            guard start <= now else { return wake(after: start.seconds(since: now)) }
            status.current?.notBefore = nil
        }
        if replacesLostVolume() { return }
        guard isAdmitted() else { return }
        closeRecord()
        begin(.training)
        EffectReport.forget(in: &status.conditions)
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
        let pods = attemptPods(current.attempt).filter { isOwn($0.value.metadata) }
        let outcomes = pods.mapValues { pod in
            pod.outcome(
                main: TrainingGang.trainerName, start: pod.metadata.uid.flatMap { seen.starts[$0] })
        }
        if let (failure, pod) = ending(outcomes, pods) {
            // What a lost node takes with it shows first at the neighbours.
            if failure.kind == .counted, let left = timeForNeighbours(of: pod, outcomes) {
                return wake(after: left)
            }
            return endAttempt(failure)
        }
        if pods.count == gang.nodes, outcomes.values.allSatisfy(\.isSuccess) {
            return finishTraining(outcomes)
        }
        if giveBack(current.attempt) { return }
        if exceedsDeadline() { return }
        let waits = outcomes.values.compactMap { Wait($0) }
        if !waits.isEmpty || pods.isEmpty, replacesLostVolume(longest(waits)) { return }
        if pods.count < gang.nodes {
            guard current.launchedAt == nil else {
                return endAttempt(
                    AttemptFailure(
                        .interrupted, reason: "PodLost", message: "A training pod vanished without a trace"))
            }
            if let refusal = EffectReport.lastingRefusal(in: status.conditions) {
                return giveUpLaunch(refusal)
            }
            return launch(gang, missing: (0..<gang.nodes).filter { pods[$0] == nil })
        }
        if current.launchedAt == nil {
            let lease = seen.leases.first { $0.name == gang.leaseName && isOwn($0.metadata) }
            noteLaunch(pods.values.map(\.metadata))
            status.heartbeatUID = lease?.metadata.uid
        }
        if let lost = firstLoss(among: pods, patience: settings.nodeLostSeconds) { return endAttempt(lost) }
        if let left = seen.lostNodes.timeLeft(of: pods.values, now: now, patience: settings.nodeLostSeconds) {
            wake(after: left)
        }
        supervise(outcomes, pods, launchedAt: current.launchedAt ?? now)
    }

    /// The wait that began first; nil if there is none.
    private func longest(_ waits: [Wait]) -> Wait? {
        waits.min { ($0.since ?? now) < ($1.since ?? now) }
    }

    private mutating func launch(_ gang: TrainingGang, missing: [Int]) {
        let names = Set((0..<gang.nodes).map(gang.podName))
        let known =
            trainers.filter { names.contains($0.name) }.map(\.metadata)
            + seen.leases.filter { $0.name == gang.leaseName }.map(\.metadata)
        if waitsForForeign(known) { return }
        guard !hasUnfinishedPods(besides: names) else { return wake(after: settings.queuePollSeconds) }
        guard gang.gpus == 0 || hold() else { return }
        guard let word = sealWord(besides: known) else { return }
        // The volume was filled before; were it gone, the scheduler would say so.
        if !seen.leases.contains(where: { $0.name == gang.leaseName }) {
            create(gang.lease, sealedBy: word)
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
            create(pod, needs: needs, sealedBy: word)
        }
    }

    /// The ending that explains the others, and its pod: one pod's end takes the rest of the gang with it.
    private func ending(_ outcomes: [Int: PodOutcome], _ pods: [Int: Pod]) -> (AttemptFailure, Pod)? {
        let failures = outcomes.sorted { $0.key < $1.key }.compactMap {
            rank, outcome -> (AttemptFailure, Pod)? in
            guard case .ended(let failure) = outcome, let pod = pods[rank] else { return nil }
            return (failure, pod)
        }
        guard
            let first = failures.first(where: { $0.0.kind == .terminal })
                ?? failures.first(where: { $0.0.kind == .interrupted }) ?? failures.first
        else { return nil }
        if first.0.kind == .counted, let lost = firstLoss(among: pods, instead: first.0) {
            return (lost, first.1)
        }
        return first
    }

    /// The failure that the loss of a node stands for, whichever pod of the gang it took; nil where all nodes
    /// are well.
    private func firstLoss(
        among pods: [Int: Pod], patience: Int64 = 0, instead failure: AttemptFailure? = nil
    ) -> AttemptFailure? {
        pods.sorted { $0.key < $1.key }.lazy.compactMap { _, pod in
            seen.lostNodes.failure(of: pod, now: now, patience: patience, instead: failure)
        }.first
    }

    /// Seconds for which the failure of one pod waits for what its neighbours say; nil if they have spoken.
    private func timeForNeighbours(of pod: Pod, _ outcomes: [Int: PodOutcome]) -> Int64? {
        let isAlone = outcomes.values.allSatisfy { outcome in
            switch outcome {
            case .ended, .succeeded: true
            case .active, .starting, .unscheduled: false
            }
        }
        guard !isAlone, let end = pod.finishedAt else { return nil }
        let left = now.left(of: settings.gangFailureSeconds, since: end)
        return left > 0 ? left : nil
    }

    /// Gives the room back where the gang can't be made whole: what was created goes with the attempt.
    private mutating func giveUpLaunch(_ refusal: Condition) {
        let failure = AttemptFailure(.interrupted, reason: refusal.reason, message: refusal.message)
        recordFailure(failure, of: .training)
        EffectReport.forget(in: &status.conditions)
        let refusals = max(0, status.fruitlessInterruptions ?? 0).next
        // A quota has room again when others end; what else is refused needs somebody who acts.
        guard refusal.reason == "QuotaExceeded" || refusals < settings.maxFruitlessInterruptions else {
            status.fruitlessInterruptions = nil
            return count(AttemptFailure(.counted, reason: refusal.reason, message: refusal.message))
        }
        requeue(failure)
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
        status.completingSince = now
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
    private mutating func supervise(
        _ outcomes: [Int: PodOutcome], _ pods: [Int: Pod], launchedAt: Timestamp
    ) {
        var isHeldUp = false
        var waits = false
        for (_, outcome) in outcomes.sorted(by: { $0.key < $1.key }) {
            switch outcome {
            case .unscheduled(let since, let message):
                let start = max(since ?? launchedAt, launchedAt)
                let left = now.left(of: settings.unschedulableSeconds, since: start)
                if left <= 0 { return giveUpPlacement(message ?? "no scheduler has looked at them") }
                wake(after: left)
                if !isHeldUp { watch(outcome, since: launchedAt) }
                isHeldUp = true
                waits = true
            case .starting(let trouble):
                let shown = (status.reason, status.message)
                if let failure = failure(of: trouble, launchedAt: launchedAt, patience: startupTimeout) {
                    // Another node may have what this one lacks; the GPUs are not held meanwhile.
                    if failure.kind == .interrupted { avoid(trouble) }
                    return endAttempt(failure)
                }
                if isHeldUp { (status.reason, status.message) = shown }
                isHeldUp = isHeldUp || status.reason == trouble.reason
                waits = true
            case .active, .succeeded, .ended: break
            }
        }
        if !isHeldUp {
            status.reason = nil
            status.message = heartbeat?.metadata.annotations?[HeartbeatAnnotation.problem].map(
                Wording.bounded)
        }
        checkHeartbeat(pods, isWhole: !waits)
    }

    /// Seconds until a trainer's first sign of life, its image's pull included.
    var startupTimeout: Int64 { max(1, policy?.startupTimeoutSeconds ?? settings.startupTimeoutSeconds) }

    private mutating func giveUpPlacement(_ words: String) {
        requeue(
            AttemptFailure(
                .interrupted, reason: "Unschedulable",
                message:
                    "No node took all pods within \(settings.unschedulableSeconds) seconds: they gave their GPUs back. "
                    + "The scheduler says: \(words)"))
    }

    /// Gives the GPUs back and queues again, later each time that nothing came of it.
    private mutating func requeue(_ failure: AttemptFailure) {
        let tries = min(
            max(0, status.fruitlessInterruptions ?? 0).next, settings.maxFruitlessInterruptions - 1)
        status.fruitlessInterruptions = tries
        leaveTraining()
        closeRecord()
        begin(.queued, after: settings.backoff(failures: tries, factor: settings.training.backoffFactor))
        explain(failure)
        set("Admitted", false, reason: failure.reason, message: "The pods could not be started")
    }

    /// Silence counts from when the last sign of life was seen to come, by the observer's own clock.
    ///
    /// - Parameter isWhole: Whether all pods of the gang have started: a trainer waits for the others without a word.
    private mutating func checkHeartbeat(_ pods: [Int: Pod], isWhole: Bool) {
        guard let running = pods[0]?.container(TrainingGang.trainerName)?.state?.running else { return }
        let hasSpoken = heartbeat?.spec?.renewTime != nil
        guard hasSpoken || isWhole else { return }
        let timeout =
            hasSpoken
            ? max(1, policy?.heartbeatTimeoutSeconds ?? settings.heartbeatTimeoutSeconds) : startupTimeout
        let seen = self.seen.signOfLifeSeen ?? running.startedAt ?? now
        let left = now.left(of: timeout, since: min(seen, now))
        guard left <= 0 else { return wake(after: left) }
        let limit = hasSpoken ? "runPolicy.heartbeatTimeoutSeconds" : "runPolicy.startupTimeoutSeconds"
        let failure = AttemptFailure(
            .counted, reason: hasSpoken ? "HeartbeatLost" : "StartupTimeout",
            message: "The trainer showed no \(hasSpoken ? "" : "first ")sign of life for \(timeout) seconds "
                + "(\(limit)): the attempt was stuck and was stopped")
        endAttempt(firstLoss(among: pods, instead: failure) ?? failure)
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

extension Pod {
    /// Whether the trainer's container has begun, and so may have written something.
    var hasStartedTrainer: Bool {
        let state = container(TrainingGang.trainerName)?.state
        return state?.running != nil || state?.terminated != nil
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
