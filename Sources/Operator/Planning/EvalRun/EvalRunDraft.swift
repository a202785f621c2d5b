import AnnealAPI
import KubernetesAPI

/// A plan in the making for an EvalRun.
struct EvalRunDraft: PlanDraft {
    let seen: EvalRunObservation
    let run: RunObject
    var status: EvalRunStatus
    var creations: [Effect] = []
    var deletions: [Effect] = []
    var events: [EventNote] = []
    var final: [Effect] = []
    /// Pods whose time this pass has added up.
    var settled: Set<String> = []
    var requeueAfter: Int64?

    init(_ observation: EvalRunObservation) {
        seen = observation
        run = RunObject(observation.run)
        status = observation.run.status ?? EvalRunStatus(phase: .pending)
    }

    var spec: EvalRunSpec { seen.run.spec }
    var settings: PlannerSettings { seen.settings }
    var now: Timestamp { seen.now }
    var observedStatus: EvalRunStatus? { seen.run.status }
    var generation: Int64? { seen.run.metadata.generation }
    var conditions: [Condition]? {
        get { status.conditions }
        set { status.conditions = newValue }
    }
    var beginsAttempt: Bool {
        let attempts = { (status: EvalRunStatus?) in
            Dictionary((status?.suites ?? []).map { ($0.name, $0.attempt) }, uniquingKeysWith: max)
        }
        return attempts(status) != attempts(observedStatus)
    }
    var builder: EvaluationPod { EvaluationPod(run: run, spec: spec, settings: settings) }

    mutating func step() {
        if seen.run.metadata.deletionTimestamp != nil { return cancel() }
        if status.phase.isTerminal { return rest() }
        if stopForGood() || changeSuspension() || giveBack() { return }
        if exceedsDeadline() { return }
        switch status.phase {
        case .pending: leavePending()
        case .queued: waitForAdmission()
        case .evaluating: evaluate()
        case .suspended, .passed, .failed, .error: break
        }
    }

    mutating func end(_ phase: EvalRunPhase, reason: String, message: String) {
        settleAll()
        status.phase = phase
        status.reason = reason
        status.message = Wording.bounded(message)
        status.completionTime = now
        status.suspendedAt = nil
        let passed = phase == .passed
        set(
            "Finished", true, reason: passed ? "Succeeded" : phase.rawValue,
            message: passed ? "Every threshold was kept" : "\(reason): \(status.message ?? "")")
        note(passed ? .normal : .warning, reason, message)
    }

    private mutating func rest() {
        guard let seconds = spec.runPolicy?.ttlSecondsAfterFinished, let end = status.completionTime,
            let uid = seen.run.metadata.uid
        else { return }
        let left = max(0, seconds).addingClamped(-max(0, now.seconds(since: end)))
        if left <= 0 { final.append(.deleteRun(uid: uid)) } else { wake(after: left) }
    }

    private mutating func cancel() {
        if !status.phase.isTerminal {
            end(.error, reason: "Deleted", message: "The EvalRun was deleted before it finished")
        }
        let isHeld = seen.run.metadata.finalizers?.contains(Anneal.Finalizer.settle) == true
        if isHeld, seen.pods.allSatisfy({ !run.controls($0.metadata) || $0.isFinished }) {
            final.append(.removeFinalizer(Anneal.Finalizer.settle))
        }
    }

    private mutating func leavePending() {
        if let error = seen.specErrors.first ?? SpecProblem.first(in: spec) {
            return end(.error, reason: "InvalidSpec", message: error.description)
        }
        status.startTime = status.startTime ?? now
        status.phase = .queued
        note(.normal, "Queued", "Waits for room for a suite")
    }

    /// Queued: waits for the scheduler's word.
    private mutating func waitForAdmission() {
        guard !seen.pods.contains(where: { run.controls($0.metadata) && !$0.isFinished }) else {
            return wake(after: settings.queuePollSeconds)
        }
        let next = (status.attempt ?? 0).next
        guard let admission = status.admission, admission.revoked == nil, admission.attempt == next
        else { return }
        status.attempt = next
        status.phase = .evaluating
        status.reason = nil
        status.message = nil
        let known = Dictionary((status.suites ?? []).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        status.suites = spec.suites.map { suite in
            var entry = known[suite.name] ?? SuiteStatus(name: suite.name, attempt: 0)
            guard entry.finished != true else { return entry }
            entry.attempt = entry.attempt.next
            entry.launchedAt = nil
            entry.notBefore = nil
            return entry
        }
        set("Admitted", true, reason: "Admitted", message: "The scheduler let the run in")
        note(.normal, "Evaluating", "Begins \(spec.suites.count) suites")
    }

    private mutating func changeSuspension() -> Bool {
        let wanted = spec.runPolicy?.suspend == true
        if status.phase == .suspended {
            if !wanted, status.admission?.revoked?.reason != .budgetExhausted { resume() }
            return true
        }
        if wanted {
            suspend(
                reason: "Suspended",
                message: "Suspended as runPolicy.suspend asks; set it to false to go on")
        }
        return wanted
    }

    private mutating func suspend(reason: String, message: String) {
        settleAll()
        status.phase = .suspended
        status.suspendedAt = now
        status.reason = reason
        status.message = message
        set(
            "Suspended", true, reason: reason,
            message: reason == "Suspended" ? "runPolicy.suspend is true" : "The scheduler took its room back")
        note(.normal, reason, "Stops its pods")
    }

    private mutating func resume() {
        if let since = status.suspendedAt {
            status.suspendedSeconds = max(0, status.suspendedSeconds ?? 0)
                .addingClamped(max(0, now.seconds(since: since)))
        }
        status.suspendedAt = nil
        status.phase = status.startTime == nil ? .pending : .queued
        status.reason = nil
        status.message = nil
        set("Suspended", false, reason: "Resumed", message: "runPolicy.suspend is false")
        note(.normal, "Resumed", "Queues again")
    }

    /// Stops for good where the parent asks for it. True if it does.
    private mutating func stopForGood() -> Bool {
        guard let stop = spec.runPolicy?.stop else { return false }
        end(
            .error, reason: Wording.reason(stop.reason),
            message: stop.message ?? "The run's parent asked it to stop")
        return true
    }

    /// Gives its room back where the scheduler wants it. True if it does.
    private mutating func giveBack() -> Bool {
        guard status.phase == .evaluating, let admission = status.admission,
            admission.attempt == status.attempt, let revocation = admission.revoked
        else { return false }
        switch revocation.reason {
        case .preempted:
            settleAll()
            status.phase = .queued
            status.reason = revocation.reason.rawValue
            status.message = revocation.message
            note(.warning, "Preempted", revocation.message)
        case .budgetExhausted: suspend(reason: revocation.reason.rawValue, message: revocation.message)
        }
        set(
            "Admitted", false, reason: revocation.reason.rawValue, message: "The scheduler took its room back"
        )
        return true
    }

    private mutating func exceedsDeadline() -> Bool {
        guard let start = status.startTime, status.phase != .suspended else { return false }
        let limit = spec.runPolicy?.activeDeadlineSeconds ?? settings.evaluating.seconds
        let elapsed = now.seconds(since: start).addingClamped(-max(0, status.suspendedSeconds ?? 0))
        let left = limit.addingClamped(-elapsed)
        guard left <= 0 else {
            wake(after: left)
            return false
        }
        end(
            .error, reason: "DeadlineExceeded",
            message: "The evaluation took longer than \(limit) seconds (runPolicy.activeDeadlineSeconds)")
        return true
    }
}
