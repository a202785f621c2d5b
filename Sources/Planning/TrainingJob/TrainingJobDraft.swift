import AnnealAPI
import KubernetesAPI
import Scheduling

/// A plan in the making: the new status, and the children to create. Stages are in files of their own.
struct TrainingJobDraft {
    let seen: TrainingJobObservation
    let run: RunObject
    var status: TrainingJobStatus
    var creations: [Child] = []
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

    mutating func step() {
        if seen.job.metadata.deletionTimestamp != nil { return cancel() }
        if status.phase.isTerminal { return rest() }
        if let other = seen.conflictingRun {
            return end(
                .failed, reason: "DuplicateIdempotencyKey",
                message: "TrainingJob \(other) has the same idempotencyKey and is not finished: "
                    + "wait for it, or use another key")
        }
        if changeSuspension() { return }
        if exceedsRunLimit() { return }
        stage()
    }

    private mutating func stage() {
        switch status.phase {
        case .pending: leavePending()
        case .validating, .preprocessing, .preparing, .uploading, .registering: runJob(of: status.phase)
        case .queued: waitForCapacity()
        case .training: train()
        case .evaluating: evaluate()
        case .completed, .suspended, .evalFailed, .failed, .cancelled: break
        }
    }

    mutating func wake(after seconds: Int64) {
        let wait = max(1, seconds)
        requeueAfter = min(requeueAfter ?? wait, wait)
    }

    func plan() -> Plan<TrainingJobStatus> {
        let attempt = { (status: TrainingJobStatus?) in
            status?.current.map { [$0.stage.rawValue, "\($0.attempt)"] }
        }
        let begins = attempt(status) != attempt(seen.job.status)
        let created: [Effect] = begins ? [] : creations.map { .create($0) }
        let requeue = status == seen.job.status ? requeueAfter : min(requeueAfter ?? 1, 1)
        return Plan(
            status: status, effects: deletions + created + events.map { .event($0) } + final,
            requeueAfter: requeue)
    }

    mutating func note(_ kind: EventNote.Kind, _ reason: String, _ text: String) {
        events.append(EventNote(kind, reason: reason, note: Wording.bounded(text)))
    }

    mutating func set(_ type: String, _ value: Bool, reason: String, message: String) {
        var conditions = status.conditions ?? []
        conditions.set(
            Condition(
                type: type, status: value ? .true : .false,
                observedGeneration: seen.job.metadata.generation, lastTransitionTime: now, reason: reason,
                message: message))
        status.conditions = conditions
    }
}
