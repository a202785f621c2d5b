import AnnealAPI
import KubernetesAPI

extension EvalRunDraft {
    /// Adds up what a try's pod held, in the same write that ends the try.
    mutating func settle(_ pod: Pod) {
        guard settled.insert(pod.name).inserted, let since = pod.heldSince else { return }
        let end = min(now, pod.isFinished ? pod.finishedAt ?? now : now)
        status.gpuSeconds = max(0, status.gpuSeconds ?? 0).addingClamped(
            max(0, end.seconds(since: since)).multipliedClamped(by: Int64(builder.gpus)))
    }

    /// Settles the tries that are stopped together.
    mutating func settleAll() {
        guard status.phase == .evaluating else { return }
        for entry in seen.run.status?.suites ?? [] where entry.finished != true {
            let isOpen = status.suites?.contains {
                $0.name == entry.name && $0.finished != true && $0.attempt == entry.attempt
            }
            if isOpen == true, let pod = pod(of: entry) { settle(pod) }
        }
    }

    /// Deletes pods of tries that do not count any more. What succeeded stays for its logs, and so does
    /// what failed with a run that ended in an error.
    mutating func sweep() {
        var current: Set<String> = []
        for entry in status.suites ?? [] {
            current.insert(EvaluationPod.name(run, suite: entry.name, attempt: entry.attempt))
        }
        for pod in seen.pods where run.controls(pod.metadata) {
            let isKept =
                current.contains(pod.name)
                && (status.phase == .evaluating || pod.status?.phase == "Succeeded"
                    || (status.phase == .error && pod.isFinished))
            if !isKept { delete(pod) }
            forceIfStuck(pod)
        }
    }

    /// What printer columns and conditions say, from the rest of the status.
    mutating func describe() {
        status.observedGeneration = seen.run.metadata.generation
        let (gpus, overflow) = builder.gpus.multipliedReportingOverflow(by: spec.suites.count)
        status.gpus = overflow ? nil : gpus
        if status.gate == nil { status.gate = "-/\(spec.thresholds?.count ?? 0)" }
        if status.conditions?["Finished"] == nil {
            set("Finished", false, reason: "InProgress", message: "The run has not finished")
        }
        status.conditions = status.conditions.map {
            Conditions.seen($0, generation: seen.run.metadata.generation)
        }
    }
}
