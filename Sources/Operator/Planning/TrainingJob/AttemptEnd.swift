import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    /// A training attempt ended other than well: by its failure's kind, never by guess.
    mutating func endAttempt(_ failure: TryFailure) {
        recordFailure(failure, of: .training)
        switch failure.kind {
        case .terminal: end(.failed, reason: failure.reason, message: advice(on: failure))
        case .counted: count(failure)
        case .interrupted: interrupt(failure)
        }
    }

    /// Another attempt, from the newest verified checkpoint; counted only where interruptions bring nothing
    /// but more of them, so that every run ends.
    private mutating func interrupt(_ failure: TryFailure) {
        let ran = status.gpusHeldSince.map { now.seconds(since: $0) } ?? 0
        let hasNewCheckpoint = status.checkpoint.map { $0.step > status.resume?.step ?? -1 } ?? false
        let isFruitful = hasNewCheckpoint || ran >= settings.fruitfulSeconds
        let fruitless = isFruitful ? 0 : max(0, status.fruitlessInterruptions ?? 0).next
        guard fruitless < settings.maxFruitlessInterruptions else {
            status.fruitlessInterruptions = nil
            return count(
                TryFailure(
                    .counted, reason: failure.reason,
                    message: "\(failure.message) (\(fruitless) interruptions in a row without progress)"))
        }
        status.fruitlessInterruptions = fruitless > 0 ? fruitless : nil
        set("Preempted", true, reason: failure.reason, message: "The last attempt was interrupted")
        again(
            failure, after: settings.backoff(failures: fruitless - 1, factor: settings.training.backoffFactor)
        )
    }

    private mutating func count(_ failure: TryFailure) {
        let failures = max(0, status.countedFailures ?? 0).next
        status.countedFailures = failures
        let limit = max(0, spec.runPolicy?.backoffLimit ?? settings.training.tries - 1)
        guard failures <= limit else {
            return end(
                .failed, reason: failure.reason,
                message: "\(failure.message) (failure \(failures); runPolicy.backoffLimit is \(limit))")
        }
        again(failure, after: settings.backoff(failures: failures, factor: settings.training.backoffFactor))
    }

    private mutating func again(_ failure: TryFailure, after seconds: Int64) {
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

    private func advice(on failure: TryFailure) -> String {
        guard failure.reason == "OOMKilled" else { return failure.message }
        let batch = spec.hyperparameters?.batchSize.map { " (now \($0))" } ?? ""
        let length = spec.hyperparameters?.maxSequenceLength.map { " (now \($0))" } ?? ""
        let memory = spec.trainer.resourcesPerNode?.memory.map { " (now \($0))" } ?? ""
        return "\(failure.message): reduce hyperparameters.batchSize\(batch) or maxSequenceLength\(length), "
            + "or raise trainer.resourcesPerNode.memory\(memory)"
    }
}
