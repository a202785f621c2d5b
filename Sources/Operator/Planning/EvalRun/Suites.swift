import AnnealAPI
import KubernetesAPI

extension EvalRunDraft {
    /// Makes one pass over all suites; gives the verdict once each has reported.
    mutating func evaluate() {
        var suites = status.suites ?? []
        let known = Set(suites.map(\.name))
        for suite in spec.suites where !known.contains(suite.name) {
            suites.append(SuiteStatus(name: suite.name, attempt: 1))
        }
        status.message = nil
        status.reason = nil
        for index in suites.indices where suites[index].finished != true {
            guard let suite = spec.suites.first(where: { $0.name == suites[index].name }) else { continue }
            let problem = advance(&suites[index], suite)
            if let problem {
                status.suites = suites
                return end(.error, reason: problem.reason, message: "Suite \(suite.name): \(problem.message)")
            }
        }
        status.suites = suites
        if status.reason == nil, let refusal = status.conditions?[EffectReport.conditionType],
            refusal.status == .false
        {
            status.reason = refusal.reason
            status.message = refusal.message
        }
        let finished = Set(suites.filter { $0.finished == true }.map(\.name))
        if spec.suites.allSatisfy({ finished.contains($0.name) }) { judge(suites) }
    }

    /// Makes one pass over a suite, and returns the failure that ends the whole run; nil if there is none.
    private mutating func advance(_ entry: inout SuiteStatus, _ suite: EvaluationSuite) -> AttemptFailure? {
        guard let pod = pod(of: entry) else {
            guard entry.launchedAt == nil else {
                return retry(
                    &entry,
                    AttemptFailure(
                        .interrupted, reason: "PodLost", message: "Its pod vanished without a trace"))
            }
            return launch(&entry, suite)
        }
        if entry.launchedAt == nil {
            entry.launchedAt = now
            entry.podUID = pod.metadata.uid
        }
        let start = pod.metadata.uid.flatMap { seen.starts[$0] }
        switch pod.outcome(main: EvaluationPod.evaluatorName, start: start) {
        case .active:
            if let left = seen.lostNodes.timeLeft(of: [pod], now: now, patience: settings.nodeLostSeconds) {
                wake(after: left)
            }
            return seen.lostNodes.failure(of: pod, now: now, patience: settings.nodeLostSeconds)
                .flatMap { retry(&entry, $0) }
        case .starting(let trouble):
            let failure = failure(
                of: trouble, launchedAt: entry.launchedAt ?? now, subject: "Suite \(entry.name): ",
                patience: settings.startupTimeoutSeconds)
            guard let failure, failure.kind == .interrupted else { return failure }
            avoid(trouble)
            return retry(&entry, failure)
        case .unscheduled(let since, let words):
            let start = max(since ?? now, entry.launchedAt ?? now)
            let left = now.left(of: settings.silentWaitSeconds, since: start)
            if left > 0 { wake(after: left) } else { show(entry, words) }
            return nil
        case .succeeded(let message):
            guard let report: EvaluationReport = TerminationMessage.decode(message) else {
                return retry(
                    &entry,
                    AttemptFailure(
                        .counted, reason: "InvalidReport",
                        message: "The evaluator left no metrics in ANNEAL_RESULT"))
            }
            entry.finished = true
            let prefix = "\(entry.name)/"
            let wanted = (spec.thresholds ?? []).map(\.metric).filter { $0.hasPrefix(prefix) }
            let metrics = report.metrics.filter { $0.value.isFinite && $0.key.utf8.count <= 256 }
            let kept = Gate.bounded(metrics, keeping: Set(wanted.map { String($0.dropFirst(prefix.count)) }))
            if kept.count < metrics.count {
                note(
                    .warning, "MetricsLeftOut",
                    "Suite \(entry.name) reported \(metrics.count) metrics; \(metrics.count - kept.count) are left out"
                )
            }
            entry.metrics = kept
            entry.samples = report.samples.map { max(0, $0) }
            return nil
        case .ended(let failure):
            let loss =
                failure.kind == .counted
                ? seen.lostNodes.failure(of: pod, now: now, instead: failure) : nil
            return retry(&entry, loss ?? failure)
        }
    }

    /// Says why no node takes a suite's pod. The scheduler's words change with each look: the first ones stay.
    private mutating func show(_ entry: SuiteStatus, _ words: String?) {
        status.reason = "Unschedulable"
        status.message =
            observedStatus?.reason == "Unschedulable"
            ? observedStatus?.message
            : Wording.bounded(
                "Suite \(entry.name): no node takes its pod: \(words ?? "no scheduler has looked at it")")
    }

    private mutating func launch(_ entry: inout SuiteStatus, _ suite: EvaluationSuite) -> AttemptFailure? {
        if let start = entry.notBefore, start > now {
            wake(after: start.seconds(since: now))
            return nil
        }
        guard let pod = builder.make(suite, attempt: entry.attempt) else {
            return AttemptFailure(
                .terminal, reason: "InvalidSpec",
                message: "It has no image, or a number of its configuration is not finite")
        }
        let name = EvaluationPod.name(run, suite: entry.name, attempt: entry.attempt)
        if seen.pods.contains(where: { $0.name == name && run.controls($0.metadata) }) {
            waitForForeign("Pod \(name)")
            return nil
        }
        let running = seen.pods.count { run.controls($0.metadata) && !$0.isFinished } + steps.creations.count
        guard running < status.admission?.pods ?? spec.suites.count else { return nil }
        guard builder.gpus == 0 || hold() else { return nil }
        let word = word(of: entry)
        guard entry.seal == Seals.digest(word) else {
            entry.seal = Seals.digest(word)
            return nil
        }
        create(pod, sealedBy: word)
        return nil
    }

    /// Begins another attempt of the suite, or answers with the failure that ends the run.
    private mutating func retry(_ entry: inout SuiteStatus, _ failure: AttemptFailure) -> AttemptFailure? {
        entry.lastFailure = "\(failure.reason): \(failure.message)"
        let interruptions = max(0, entry.interruptions ?? 0).next
        let most = max(
            1, (spec.runPolicy?.backoffLimit).map { max(0, $0).next } ?? settings.evaluating.attempts)
        switch failure.kind {
        case .terminal: return failure
        case .interrupted where interruptions < settings.maxFruitlessInterruptions:
            entry.interruptions = interruptions
        case .interrupted, .counted:
            let failures = max(0, entry.failures ?? 0).next
            entry.failures = failures
            if failures >= most {
                return AttemptFailure(
                    .terminal, reason: failure.reason,
                    message: "\(failure.message) (after \(failures) attempts)"
                )
            }
        }
        let wait = settings.backoff(
            failures: max(entry.failures ?? 0, entry.interruptions ?? 0),
            factor: settings.evaluating.backoffFactor)
        entry.attempt = entry.attempt.next
        entry.launchedAt = nil
        entry.podUID = nil
        entry.seal = Seals.digest(word(of: entry))
        entry.notBefore = now.advanced(by: wait)
        note(.warning, failure.reason, "Suite \(entry.name): \(failure.message)")
        return nil
    }

    private mutating func judge(_ suites: [SuiteStatus]) {
        let results = Gate.results(spec.thresholds ?? [], Gate.metrics(suites))
        status.results = results
        let kept = results.filter(\.passed).count
        status.gate = "\(kept)/\(results.count)"
        if kept == results.count {
            set("GatePassed", true, reason: "ThresholdsKept", message: "Every threshold was kept")
            end(
                .passed, reason: "ThresholdsKept", message: "\(kept) of \(results.count) thresholds were kept"
            )
        } else {
            let missed = results.filter { !$0.passed }.map(Gate.text).joined(separator: "; ")
            set(
                "GatePassed", false, reason: "ThresholdsMissed", message: Wording.bounded("Missed: \(missed)")
            )
            end(.failed, reason: "ThresholdsMissed", message: "Missed: \(missed)")
        }
    }

    func pod(of entry: SuiteStatus) -> Pod? {
        let name = EvaluationPod.name(run, suite: entry.name, attempt: entry.attempt)
        return seen.pods.first { $0.name == name && isOwn($0, entry) }
    }

    /// The word of the seal of a suite's attempt.
    func word(of entry: SuiteStatus) -> String {
        seen.seals.word("\(run.uid)/\(entry.name)/\(entry.attempt)")
    }

    /// Whether the pod is the one that was created for the suite's attempt.
    func isOwn(_ pod: Pod, _ entry: SuiteStatus) -> Bool {
        isOwn(pod.metadata, noted: entry.podUID, seal: entry.seal)
    }
}
