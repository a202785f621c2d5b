import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    /// A finished run: nothing but its time to live.
    mutating func rest() {
        guard let seconds = spec.runPolicy?.ttlSecondsAfterFinished, let end = status.completionTime,
            let uid = seen.job.metadata.uid
        else { return }
        let left = max(0, seconds).addingClamped(-max(0, now.seconds(since: end)))
        if left <= 0 { final.append(.deleteRun(uid: uid)) } else { wake(after: left) }
    }

    /// The run is being deleted. Its children go with it; where a finalizer holds it, they go before.
    mutating func cancel() {
        if !status.phase.isTerminal {
            end(.cancelled, reason: "Deleted", message: "The TrainingJob was deleted before it finished")
        }
        let isHeld = seen.job.metadata.finalizers?.contains(Anneal.Finalizer.settle) == true
        if isHeld, !trainers.contains(where: { !$0.isFinished }) {
            final.append(.removeFinalizer(Anneal.Finalizer.settle))
        }
    }

    /// What printer columns and conditions say, from the rest of the status.
    mutating func describe() {
        status.observedGeneration = seen.job.metadata.generation
        let gpus = gpuCount
        status.gpus = gpus
        if let seconds = status.gpuSeconds { status.gpuHours = Self.hours(seconds) }
        status.progressPercent = progressPercent
        if status.checkpoint != nil {
            set(
                "CheckpointVerified", true, reason: "Committed",
                message: "A checkpoint with a verified manifest exists")
        } else if status.conditions?["CheckpointVerified"] != nil {
            set("CheckpointVerified", false, reason: "None", message: "No checkpoint has a verified manifest")
        }
        if status.conditions?["Finished"] == nil {
            set("Finished", false, reason: "InProgress", message: "The run has not finished")
        }
        status.conditions = status.conditions.map {
            Conditions.seen($0, generation: seen.job.metadata.generation)
        }
    }

    private var progressPercent: String {
        if status.phase == .completed { return "100 %" }
        guard let step = status.progress?.step, let total = status.progress?.totalSteps, total > 0 else {
            return "0 %"
        }
        let (scaled, overflow) = min(max(0, step), total).multipliedReportingOverflow(by: 100)
        return "\(overflow ? 100 : scaled / total) %"
    }

    /// Two decimals, rounded down.
    static func hours(_ seconds: Int64) -> String {
        let hundredths = max(0, seconds) / 36
        let fraction = String(hundredths % 100)
        return "\(hundredths / 100).\(fraction.count < 2 ? "0" : "")\(fraction)"
    }
}
