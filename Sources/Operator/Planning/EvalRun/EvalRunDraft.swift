import AnnealAPI
import KubernetesAPI

/// A plan in the making for an EvalRun.
struct EvalRunDraft: GPURunDraft {
    let seen: EvalRunObservation
    let run: RunObject
    var status: EvalRunStatus
    var steps = PlannedSteps()

    init(_ observation: EvalRunObservation) {
        seen = observation
        run = RunObject(observation.run)
        status = observation.run.status ?? EvalRunStatus(phase: .pending)
    }

    var beginsAttempt: Bool {
        let attempts = { (status: EvalRunStatus?) in
            Dictionary((status?.suites ?? []).map { ($0.name, $0.attempt) }, uniquingKeysWith: max)
        }
        return attempts(status) != attempts(observedStatus)
    }
    var builder: EvaluationPod {
        EvaluationPod(run: run, spec: spec, settings: settings, avoidedNodes: avoidedNodes)
    }
    var nextAttempt: Int { (status.attempt ?? 0).next }
    var limit: RunLimit {
        let seconds = policy?.activeDeadlineSeconds ?? settings.evaluating.seconds
        return RunLimit(
            seconds: seconds, reason: "DeadlineExceeded",
            message: "The evaluation took longer than \(seconds) seconds (runPolicy.activeDeadlineSeconds)")
    }

    var workers: [Pod] { seen.pods.filter { run.controls($0.metadata) } }
    var pods: [Pod] { workers }
    /// Suites keep nothing: one that is stopped begins anew.
    var hasWorkToSave: Bool { false }
    var gpusPerPod: Int { builder.gpus }

    static func phase(of ending: Ending) -> EvalRunPhase {
        switch ending {
        case .failed, .deleted, .stopped: .error
        }
    }

    mutating func start() {
        status.phase = .queued
        note(.normal, "Queued", "Waits for room for a suite")
    }

    mutating func stage() {
        if status.phase == .evaluating, giveBack(status.attempt) { return }
        switch status.phase {
        case .queued: waitForAdmission()
        case .evaluating: evaluate()
        case .pending, .suspended, .passed, .failed, .error: break
        }
    }

    /// Does nothing: only pods are open, and their time is counted as they end.
    mutating func closeAttempt(failure: String?) {}

    mutating func resumeStage() {
        status.phase = status.startTime == nil ? .pending : .queued
        status.reason = nil
        status.message = nil
    }

    mutating func queueAgain(after revocation: Revocation) {
        status.phase = .queued
        status.reason = revocation.reason.rawValue
        status.message = revocation.message
        note(.warning, "Preempted", revocation.message)
    }

    /// Waits, while Queued, for the scheduler's word.
    private mutating func waitForAdmission() {
        guard isAdmitted() else { return }
        status.attempt = nextAttempt
        status.phase = .evaluating
        status.reason = nil
        status.message = nil
        let known = Dictionary((status.suites ?? []).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        status.suites = spec.suites.map { suite in
            var entry = known[suite.name] ?? SuiteStatus(name: suite.name, attempt: 0)
            guard entry.finished != true else { return entry }
            entry.attempt = entry.attempt.next
            entry.launchedAt = nil
            entry.podUID = nil
            entry.seal = Seals.digest(word(of: entry))
            entry.notBefore = nil
            return entry
        }
        note(.normal, "Evaluating", "Begins \(spec.suites.count) suites")
    }

    /// Deletes pods of attempts that do not count any more. One that succeeded stays for its logs, and so
    /// does one that failed with a run that ended in an error.
    mutating func sweep() {
        var current: [String: SuiteStatus] = [:]
        for entry in status.suites ?? [] {
            current[EvaluationPod.name(run, suite: entry.name, attempt: entry.attempt)] = entry
        }
        for pod in workers {
            let isKept =
                current[pod.name].map { isOwn(pod, $0) } == true
                && (status.phase == .evaluating || pod.status?.phase == "Succeeded"
                    || (status.phase == .error && pod.isFinished))
            if !isKept { delete(pod) }
        }
    }

    /// Says what printer columns and conditions show, from the rest of the status.
    mutating func describe() {
        let (gpus, overflow) = builder.gpus.multipliedReportingOverflow(by: spec.suites.count)
        status.gpus = overflow ? nil : gpus
        if status.gate == nil { status.gate = "-/\(spec.thresholds?.count ?? 0)" }
        describeLife()
    }
}
