import AnnealAPI
import Encodings
import KubernetesAPI

extension TrainingJobDraft {
    /// Waits for the verdict of the run's own EvalRun, which counts its attempts and keeps its limits itself.
    mutating func evaluate() {
        guard let current = status.current, current.stage == .evaluating else { return begin(.evaluating) }
        let name = EvaluationChild.name(run, attempt: current.attempt)
        let child = ownChild
        guard let child, child.metadata.deletionTimestamp == nil else {
            guard current.launchedAt == nil, child == nil else {
                return retry(
                    AttemptFailure(
                        .counted, reason: "EvalRunDeleted", message: "EvalRun \(name) was deleted"),
                    limit: settings.evaluating)
            }
            return launchEvaluation(current)
        }
        if current.launchedAt == nil {
            // Whoever may create EvalRuns can make one in the run's name that asks for less.
            guard isOwnRequest(child, current) else {
                return retry(
                    AttemptFailure(
                        .counted, reason: "EvaluationMismatch",
                        message: "EvalRun \(name) asks for something else than the run's evaluation does: "
                            + "somebody else made it"), limit: settings.evaluating)
            }
            noteLaunch([child.metadata])
        }
        // A verdict counts only for the very model that was uploaded.
        guard child.spec.model.sha256 == status.output?.manifestSha256 else {
            return end(
                .failed, reason: "EvaluationMismatch",
                message: "EvalRun \(name) measures another model than the one that was trained")
        }
        take(child)
    }

    /// The EvalRun of the present attempt; nil where there is none.
    var ownChild: EvalRun? {
        guard let current = status.current, current.stage == .evaluating else { return nil }
        let name = EvaluationChild.name(run, attempt: current.attempt)
        return seen.evalRuns.first { $0.name == name && isOwn($0.metadata) }
    }

    private mutating func launchEvaluation(_ current: StageAttempt) {
        if let start = current.notBefore, start > now { return wake(after: start.seconds(since: now)) }
        let name = EvaluationChild.name(run, attempt: current.attempt)
        if waitsForForeign(seen.evalRuns.filter { $0.name == name }.map(\.metadata)) { return }
        guard let child = ownEvaluation(current) else {
            return end(
                .failed, reason: "InvalidSpec",
                message: "There is no evaluation in the spec, or no model to evaluate")
        }
        guard let word = sealWord() else { return }
        create(child, sealedBy: word)
    }

    /// The EvalRun that this run creates; nil without an evaluation or a model.
    private func ownEvaluation(_ current: StageAttempt) -> EvalRun? {
        EvaluationChild(run: run, spec: spec, status: status, settings: settings)
            .make(attempt: current.attempt)
    }

    /// Whether the child is what this run would create. Its policy may be changed by anyone, and is left
    /// aside; the rest can't be, so once is enough.
    private func isOwnRequest(_ child: EvalRun, _ current: StageAttempt) -> Bool {
        let wanted = Self.essence(ownEvaluation(current)?.spec)
        return wanted != nil && wanted == Self.essence(child.spec)
    }

    private static func essence(_ spec: EvalRunSpec?) -> EvalRunSpec? {
        var spec = spec
        spec?.runPolicy = nil
        return spec?.withDefaults()
    }

    /// SHA-256 of what is asked of an EvalRun of the model; nil without an evaluation or a model.
    var evaluationRequest: String? {
        let child = EvaluationChild(run: run, spec: spec, status: status, settings: settings).make(attempt: 1)
        return Self.digest(of: child?.spec)
    }

    private static func digest(of spec: EvalRunSpec?) -> String? {
        essence(spec).flatMap { try? JSONValue(encoding: $0) }.map { Hexadecimal.sha256($0.serialized()) }
    }

    private mutating func take(_ child: EvalRun) {
        guard let verdict = child.status else { return }
        guard verdict.phase.isTerminal else { return show(verdict, of: child.name) }
        var summary = EvaluationSummary(name: child.name)
        summary.uid = child.metadata.uid
        summary.modelSha256 = child.spec.model.sha256
        summary.requestSha256 = Self.digest(of: child.spec)
        summary.results = verdict.results
        let judged = Set((spec.evaluation?.thresholds ?? []).map(\.metric))
        summary.metrics = Gate.bounded(Gate.metrics(verdict.suites ?? []), keeping: judged)
        summary.passed = verdict.phase == .passed
        status.evaluation = summary
        switch verdict.phase {
        case .passed:
            set("GatePassed", true, reason: "ThresholdsKept", message: "Every threshold was kept")
            advanceAfterEvaluating()
        case .failed:
            let failed = (verdict.results ?? []).filter { !$0.passed }.map(Gate.text).joined(separator: "; ")
            set("GatePassed", false, reason: "ThresholdsMissed", message: "Missed: \(failed)")
            end(.evalFailed, reason: "EvalFailed", message: "The model missed: \(failed)")
        case .error:
            summary.passed = nil
            status.evaluation = summary
            let failure = AttemptFailure(
                .counted, reason: "EvaluationError",
                message: "EvalRun \(child.name): \(verdict.message ?? verdict.reason ?? "it gives no reason")"
            )
            recordFailure(failure, of: .evaluating)
            retry(failure, limit: settings.evaluating)
        case .pending, .queued, .evaluating, .suspended: break
        }
    }

    /// Shows what the EvalRun waits for.
    private mutating func show(_ verdict: EvalRunStatus, of name: String) {
        if let wait = verdict.heldUp {
            status.reason = wait.reason
            status.message = Wording.bounded("EvalRun \(name): \(wait.message)")
        } else if status.reason.map(EvalRunStatus.waits.contains) == true {
            status.reason = nil
            status.message = nil
        }
    }
}

extension EvalRunStatus {
    private static let forCapacity = "WaitingForCapacity"
    /// Reasons of an EvalRun that waits.
    fileprivate static let waits = PodOutcome.blockReasons.union([forCapacity])

    /// What the EvalRun waits for, as its owner shows it; nil for nothing. What the scheduler says of capacity changes
    /// with each round, and is in the EvalRun alone.
    public var heldUp: (reason: String, message: String)? {
        guard let reason, Self.waits.contains(reason) else { return nil }
        return (reason, reason == Self.forCapacity ? "waits for room" : message ?? reason)
    }
}
