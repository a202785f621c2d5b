import AnnealAPI
import KubernetesAPI
import Scheduling

/// A plan in the making: the new status, and the children to create. Stages are in files of their own.
struct TrainingJobDraft: PlanDraft {
    let seen: TrainingJobObservation
    let run: RunObject
    var status: TrainingJobStatus
    var creations: [Effect] = []
    var deletions: [Effect] = []
    var events: [EventNote] = []
    var final: [Effect] = []
    var requeueAfter: Int64?

    init(_ observation: TrainingJobObservation) {
        seen = observation
        run = RunObject(observation.job)
        status = observation.job.status ?? TrainingJobStatus(phase: .pending)
    }

    var spec: TrainingJobSpec { seen.job.spec }
    var settings: PlannerSettings { seen.settings }
    var now: Timestamp { seen.now }
    var observedStatus: TrainingJobStatus? { seen.job.status }
    var generation: Int64? { seen.job.metadata.generation }
    var conditions: [Condition]? {
        get { status.conditions }
        set { status.conditions = newValue }
    }
    var beginsAttempt: Bool {
        let attempt = { (status: TrainingJobStatus?) in
            status?.current.map { [$0.stage.rawValue, "\($0.attempt)"] }
        }
        return attempt(status) != attempt(observedStatus)
    }

    mutating func step() {
        if seen.job.metadata.deletionTimestamp != nil { return cancel() }
        if status.phase.isTerminal { return rest() }
        if let other = seen.conflictingRun {
            return end(
                .failed, reason: "DuplicateIdempotencyKey",
                message: "TrainingJob \(other) has the same idempotencyKey and is not finished: "
                    + "wait for it, or use another key")
        }
        if stopForGood() { return }
        if changeSuspension() { return }
        if exceedsRunLimit() { return }
        stage()
    }

    private mutating func stage() {
        switch status.phase {
        case .pending: leavePending()
        case .validating, .preprocessing, .preparing, .uploading, .registering: runJob(of: status.phase)
        case .queued: waitForAdmission()
        case .training: train()
        case .evaluating: evaluate()
        case .completed, .suspended, .evalFailed, .failed, .cancelled, .pruned: break
        }
    }
}
