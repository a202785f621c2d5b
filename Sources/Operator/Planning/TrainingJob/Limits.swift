import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    /// Pending holds nothing up yet: there are no projects to wait for.
    mutating func leavePending() {
        if let error = seen.specErrors.first ?? SpecProblem.first(in: spec) {
            return end(.failed, reason: "InvalidSpec", message: error.description)
        }
        status.startTime = status.startTime ?? now
        advance(to: .validating)
    }

    /// Ends a run that takes longer than any may, time suspended left out.
    mutating func exceedsRunLimit() -> Bool {
        guard let start = status.startTime, status.phase != .suspended else { return false }
        let elapsed = now.seconds(since: start).addingClamped(-max(0, status.suspendedSeconds ?? 0))
        let left = settings.runLimitSeconds.addingClamped(-elapsed)
        guard left <= 0 else {
            wake(after: left)
            return false
        }
        end(
            .failed, reason: "RunTimeLimitExceeded",
            message: "The run took longer than \(settings.runLimitSeconds) seconds, the limit of a fine-tune")
        return true
    }

    /// Seconds that Training may take over all attempts.
    var trainingDeadline: Int64 {
        let asked = spec.runPolicy?.activeDeadlineSeconds ?? settings.training.seconds
        switch spec.placement?.pool {
        case .development: return min(asked, 3600)
        case .production, nil: return asked
        }
    }

    /// Suspends or resumes where the spec asks for it; whether anything more is to be done in this pass.
    mutating func changeSuspension() -> Bool {
        let wanted = spec.runPolicy?.suspend == true
        if status.phase == .suspended {
            if !wanted, status.admission?.revoked?.reason != .budgetExhausted { resume() }
            return true
        }
        guard wanted else { return false }
        suspend(
            reason: "Suspended",
            message:
                "Suspended in \(status.phase.rawValue) as runPolicy.suspend asks; set it to false to go on")
        return true
    }

    /// Stops what runs, after a checkpoint, and remembers where to go on.
    mutating func suspend(reason: String, message: String) {
        let from = status.phase
        if from == .training { leaveTraining() }
        closeRecord()
        status.suspendedFrom = from
        status.suspendedAt = now
        status.phase = .suspended
        status.reason = reason
        status.message = message
        set(
            "Suspended", true, reason: reason,
            message: reason == "Suspended" ? "runPolicy.suspend is true" : "The scheduler took the GPUs back")
        note(.normal, reason, "Suspended in \(from.rawValue)")
    }

    /// Ends a run whose parent has no use for it any more, once its GPUs are back. True while that takes.
    mutating func stopForGood() -> Bool {
        guard let stop = spec.runPolicy?.stop else { return false }
        guard status.phase == .training, hasUnfinishedTrainers else {
            end(
                .pruned, reason: Wording.reason(stop.reason),
                message: stop.message ?? "The run's parent asked it to stop")
            return true
        }
        for pod in trainers where !pod.isFinished { delete(pod) }
        status.reason = "Stopping"
        status.message = "Saves a checkpoint and stops, as runPolicy.stop asks"
        return true
    }

    private mutating func resume() {
        let from = status.suspendedFrom ?? status.current?.stage ?? .pending
        if let since = status.suspendedAt {
            status.suspendedSeconds = max(0, status.suspendedSeconds ?? 0)
                .addingClamped(max(0, now.seconds(since: since)))
        }
        status.suspendedAt = nil
        status.suspendedFrom = nil
        set("Suspended", false, reason: "Resumed", message: "runPolicy.suspend is false")
        let current = status.current
        switch from {
        case .pending, .suspended, .completed, .evalFailed, .failed, .cancelled, .pruned:
            status.phase = .pending
            status.reason = nil
            status.message = nil
        case .training:
            // Through Preparing, which finds the newest verified checkpoint.
            begin(.preparing)
        case .validating, .preprocessing, .preparing, .queued, .uploading, .evaluating, .registering:
            // Another try, which counts as nothing; what counted before still does.
            begin(from, failures: current?.failures ?? 0, interruptions: current?.interruptions ?? 0)
        }
        note(.normal, "Resumed", "Goes on with \(status.phase.rawValue)")
    }
}
