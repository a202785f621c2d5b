import AnnealAPI
import KubernetesAPI

/// A plan in the making for an EvalRun.
struct EvalRunDraft: PlanDraft {
    let seen: EvalRunObservation
    let run: RunObject
    var status: EvalRunStatus
    var creations: [Child] = []
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
    var beginsTry: Bool {
        let attempts = { (status: EvalRunStatus?) in
            Dictionary((status?.suites ?? []).map { ($0.name, $0.attempt) }, uniquingKeysWith: max)
        }
        return attempts(status) != attempts(observedStatus)
    }
    var builder: EvaluationPod { EvaluationPod(run: run, spec: spec, settings: settings) }

    mutating func step() {
        if seen.run.metadata.deletionTimestamp != nil { return cancel() }
        if status.phase.isTerminal { return rest() }
        if changeSuspension() { return }
        if exceedsDeadline() { return }
        switch status.phase {
        case .pending: leavePending()
        case .queued: waitForCapacity()
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

    private mutating func waitForCapacity() {
        wake(after: settings.queuePollSeconds)
        switch seen.capacity {
        case .fits:
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
            set("Admitted", true, reason: "Admitted", message: "The cluster has room for a suite")
            note(.normal, "Evaluating", "Begins \(spec.suites.count) suites")
        case .waits(let why):
            status.reason = "WaitingForCapacity"
            status.message = Wording.bounded(why)
            set(
                "Admitted", false, reason: "WaitingForCapacity",
                message: "The cluster has no room for a suite")
        case nil: break
        }
    }

    private mutating func changeSuspension() -> Bool {
        let wanted = spec.runPolicy?.suspend == true
        if status.phase == .suspended {
            guard !wanted else { return true }
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
            return true
        }
        guard wanted else { return false }
        settleAll()
        status.phase = .suspended
        status.suspendedAt = now
        status.reason = "Suspended"
        status.message = "Suspended as runPolicy.suspend asks; set it to false to go on"
        set("Suspended", true, reason: "Suspended", message: "runPolicy.suspend is true")
        note(.normal, "Suspended", "Stops its pods")
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
