import AnnealAPI
import KubernetesAPI

/// What a plan in the making holds beside the status.
struct PlannedSteps {
    /// Effects that make children, in order.
    var creations: [Effect] = []
    var deletions: [Effect] = []
    var events: [EventNote] = []
    /// Effects that are left out where an earlier one was refused.
    var final: [Effect] = []
    /// Seconds after which to plan again; nil if time alone changes nothing.
    var requeueAfter: Int64?
}

/// Steps that the drafts of all kinds share while a plan is made.
protocol PlanDraft {
    associatedtype RunStatus: Hashable & Sendable

    var status: RunStatus { get }
    var observedStatus: RunStatus? { get }
    var conditions: [Condition]? { get set }
    /// Metadata of the run, with the generation that is planned for.
    var metadata: ObjectMeta { get }
    var settings: PlannerSettings { get }
    var now: Timestamp { get }
    var steps: PlannedSteps { get set }
    /// Whether the status names an attempt that the observed one does not: nothing of it may exist before
    /// that is written.
    var beginsAttempt: Bool { get }
}

extension PlanDraft {
    /// Plans again after `seconds`, at least one, or earlier.
    mutating func wake(after seconds: Int64) {
        let wait = max(1, seconds)
        steps.requeueAfter = min(steps.requeueAfter ?? wait, wait)
    }

    func plan() -> Plan<RunStatus> {
        let created = beginsAttempt ? [] : steps.creations
        let requeue = status == observedStatus ? steps.requeueAfter : min(steps.requeueAfter ?? 1, 1)
        let events = steps.events.map { Effect.event($0) }
        return Plan(
            status: status, effects: steps.deletions + created + events + steps.final, requeueAfter: requeue)
    }

    mutating func note(_ kind: EventNote.Kind, _ reason: String, _ text: String) {
        steps.events.append(EventNote(kind, reason: reason, note: Wording.bounded(text)))
    }

    mutating func set(_ type: String, _ value: Bool, reason: String, message: String) {
        var changed = conditions ?? []
        changed.set(
            Condition(
                type: type, status: value ? .true : .false, observedGeneration: metadata.generation,
                lastTransitionTime: now, reason: reason, message: message))
        conditions = changed
    }

    /// Creates a child; not if one that it needs could not be made.
    ///
    /// - Parameter word: The word of its attempt's seal; nil for a child that reports nothing.
    mutating func create(
        _ object: some KubernetesResource & Hashable, needs: [ChildIdentity] = [],
        sealedBy word: String? = nil
    ) {
        var object = object
        if let word {
            object.metadata.annotations = (object.metadata.annotations ?? [:]).merging([
                Anneal.Annotation.seal: word
            ]) { $1 }
        }
        steps.creations.append(.create(Child(object), needs: needs))
    }

    /// Makes a child what it should be. Nothing is done where what exists has all that is wanted.
    ///
    /// - Parameter observed: The child as it is; nil where there is none.
    mutating func apply<R: KubernetesResource & Hashable>(
        _ wanted: R, over observed: R?, needs: [ChildIdentity] = []
    ) {
        if let observed, !Drift.exists(between: wanted, and: observed) { return }
        steps.creations.append(.apply(Child(wanted), needs: needs))
    }

    /// Children that this plan makes so far.
    var made: [ChildIdentity] {
        steps.creations.compactMap { effect in
            switch effect {
            case .create(let child, _), .apply(let child, _): child.identity
            case .patch, .delete, .event, .addFinalizer, .removeFinalizer, .deleteRun: nil
            }
        }
    }

    /// - Parameter gracePeriodSeconds: Time that a pod gets instead of its own; nil for its own.
    mutating func delete(
        _ object: some KubernetesResource & Hashable, gracePeriodSeconds: Int64? = nil
    ) {
        guard object.metadata.deletionTimestamp == nil, let reference = Child(object).reference else {
            return
        }
        steps.deletions.append(.delete(reference, gracePeriodSeconds: gracePeriodSeconds))
    }

    /// A pod that outlives its grace period by far is on a node that is gone: nobody will report its end.
    mutating func forceIfStuck(_ pod: Pod) {
        guard let end = pod.metadata.deletionTimestamp, !pod.isFinished,
            let reference = Child(pod).reference
        else { return }
        let left = now.left(of: settings.forceDeleteSeconds, since: end)
        if left <= 0 {
            steps.deletions.append(.delete(reference, gracePeriodSeconds: 0))
        } else {
            wake(after: left)
        }
    }
}
