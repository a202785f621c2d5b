import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    /// Begins an attempt of a stage: its number is in the status before anything of it exists.
    mutating func begin(
        _ stage: TrainingJobPhase, after seconds: Int64 = 0, failures: Int = 0, interruptions: Int = 0
    ) {
        var records = status.stages ?? []
        let index = records.firstIndex { $0.name == stage } ?? records.endIndex
        if index == records.endIndex { records.append(StageRecord(name: stage, startedAt: now, attempts: 0)) }
        let known = max(0, records[index].attempts)
        let attempt = (stage == .training ? max(known, status.trainingAttempts ?? 0) : known).next
        records[index].attempts = attempt
        records[index].finishedAt = nil
        status.stages = records
        if stage == .training { status.trainingAttempts = attempt }
        var current = StageAttempt(
            stage: stage, attempt: attempt, startedAt: now,
            notBefore: seconds > 0 ? now.advanced(by: seconds) : nil)
        current.failures = failures > 0 ? failures : nil
        current.interruptions = interruptions > 0 ? interruptions : nil
        status.current = current
        status.phase = stage
        status.reason = nil
        status.message = nil
    }

    /// The present stage is done: on to `next`.
    mutating func advance(to next: TrainingJobPhase) {
        closeRecord()
        begin(next)
        note(.normal, next.rawValue, "Begins \(next.rawValue), attempt \(status.current?.attempt ?? 1)")
    }

    /// The stage that follows what has just been reached.
    mutating func advanceAfterUploading() {
        if spec.evaluation != nil { advance(to: .evaluating) } else { advanceAfterEvaluating() }
    }

    mutating func advanceAfterEvaluating() {
        if spec.registration != nil {
            advance(to: .registering)
        } else {
            complete()
        }
    }

    mutating func complete() {
        end(
            .completed, reason: "Succeeded",
            message: "The model is at \(status.output?.storageUri ?? "its place")")
    }

    /// Begins another attempt of the present stage after one failed, as often as `limit` allows.
    mutating func retry(_ failure: AttemptFailure, limit: PlannerSettings.StageLimit) {
        let current = status.current
        var failures = max(0, current?.failures ?? 0)
        var interruptions = max(0, current?.interruptions ?? 0)
        switch failure.kind {
        case .terminal: return end(.failed, reason: failure.reason, message: failure.message)
        case .interrupted where interruptions.next < settings.maxFruitlessInterruptions:
            interruptions = interruptions.next
        case .interrupted, .counted:
            failures = failures.next
            if failures >= limit.attempts {
                let attempts = failures == 1 ? "1 attempt" : "\(failures) attempts"
                return end(
                    .failed, reason: failure.reason, message: "\(failure.message) (after \(attempts))")
            }
        }
        let wait = settings.backoff(
            failures: max(failures, interruptions), factor: limit.backoffFactor)
        begin(status.phase, after: wait, failures: failures, interruptions: interruptions)
        explain(failure)
    }

    /// Says in the status and in an event why there is another attempt.
    mutating func explain(_ failure: AttemptFailure) {
        status.reason = failure.reason
        status.message = failure.message
        note(.warning, failure.reason, failure.message)
    }

    /// Notes that all of the attempt's objects were seen: from here on what is missing was lost.
    mutating func noteLaunch() {
        let time = now
        status.current?.launchedAt = time
    }

    mutating func closeRecord(failure: String? = nil) {
        let time = now
        changeRecord(of: status.current?.stage) { record in
            record.finishedAt = record.finishedAt ?? time
            if let failure { record.lastFailure = Wording.bounded(failure) }
        }
    }

    mutating func recordFailure(_ failure: AttemptFailure, of stage: TrainingJobPhase) {
        changeRecord(of: stage) { $0.lastFailure = "\(failure.reason): \(failure.message)" }
    }

    private mutating func changeRecord(of stage: TrainingJobPhase?, _ change: (inout StageRecord) -> Void) {
        var records = status.stages ?? []
        guard let index = records.firstIndex(where: { $0.name == stage }) else { return }
        change(&records[index])
        status.stages = records
    }
}
