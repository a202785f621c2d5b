import AnnealAPI
import KubernetesAPI

/// Phases of a kind, as far as all kinds have them.
protocol LifecyclePhase: Hashable, RawRepresentable<String> {
    static var pending: Self { get }
    static var queued: Self { get }
    static var suspended: Self { get }
    /// Whether no phase follows.
    var isTerminal: Bool { get }
    /// Whether the run ended as its user hoped.
    var isSuccess: Bool { get }
}

extension TrainingJobPhase: LifecyclePhase { var isSuccess: Bool { self == .completed } }
extension EvalRunPhase: LifecyclePhase { var isSuccess: Bool { self == .passed } }

/// Status of a run, as far as its life is the same for all kinds.
protocol LifecycleStatus: AdmittedStatus {
    associatedtype Phase: LifecyclePhase
    var observedGeneration: Int64? { get set }
    var phase: Phase { get set }
    var startTime: Timestamp? { get set }
    var completionTime: Timestamp? { get set }
    var suspendedAt: Timestamp? { get set }
    var suspendedSeconds: Int64? { get set }
    var queuedSince: Timestamp? { get set }
    var queuedSeconds: Int64? { get set }
}

extension TrainingJobStatus: LifecycleStatus {}
extension EvalRunStatus: LifecycleStatus {}

/// Causes that end a run of whatever kind; each kind says which of its phases stands for one.
enum Ending {
    case failed, deleted, stopped
}

/// A time that a run may take. What it waits for an admission or is suspended is left out.
struct RunLimit {
    var seconds: Int64
    /// Time from which it counts; nil: the time at which the run left Pending, with its waits left out.
    var since: Timestamp?
    var reason: String
    /// Subject and limit, for people.
    var message: String
}

/// The life of all runs: rest, deletion, stops of every kind, suspension, the limit of time, admission, the
/// end. A kind adds its stages.
protocol RunDraft: PlanDraft where RunStatus == Observation.Run.RunStatus {
    associatedtype Observation: RunObservation
    var seen: Observation { get }
    var run: RunObject { get }
    var status: RunStatus { get set }
    var limit: RunLimit { get }
    /// Pods of the run that may hold GPUs, of whatever attempt.
    var workers: [Pod] { get }
    /// All pods of the run, of whatever attempt: no two attempts may write to the same place at once.
    var pods: [Pod] { get }
    /// The attempt that an admission would let in; from 1.
    var nextAttempt: Int { get }
    /// Whether the attempt in progress has something to save before the run is stopped for good.
    var hasWorkToSave: Bool { get }
    /// End that another run brings about; nil if there is none.
    var conflict: (phase: RunStatus.Phase, reason: String, message: String)? { get }
    /// Whether the run waits for an admission, its own or that of a child.
    var isWaiting: Bool { get }
    /// Notes that a wait for an admission or a suspension is over.
    mutating func resumed(after seconds: Int64)
    /// Whether a finalizer that holds the run has nothing to wait for any more.
    var isSettled: Bool { get }

    static func phase(of ending: Ending) -> RunStatus.Phase
    /// Makes one step in the phase that the run is in, which is neither Pending, Suspended nor terminal.
    mutating func stage()
    /// Leaves Pending.
    mutating func start()
    /// Closes what the present attempt has open, before the run is suspended, or over. `failure` is the
    /// cause where it ends as failed.
    mutating func closeAttempt(failure: String?)
    /// Goes on where the suspension began.
    mutating func resumeStage()
    /// Queues for another attempt, after the scheduler took the GPUs back.
    mutating func queueAgain(after revocation: Revocation)
    /// Deletes children of attempts that do not count any more.
    mutating func sweep()
    /// Deletes a pod that may have something to save.
    mutating func stop(_ pod: Pod)
    /// Says what printer columns and conditions show, from the rest of the status.
    mutating func describe()
}

extension RunDraft {
    var spec: Observation.Run.Spec { seen.run.spec }
    var policy: RunPolicy? { spec.runPolicy }
    var metadata: ObjectMeta { seen.run.metadata }
    var observedStatus: RunStatus? { seen.run.status }
    var settings: PlannerSettings { seen.settings }
    var now: Timestamp { seen.now }
    var conditions: [Condition]? {
        get { status.conditions }
        set { status.conditions = newValue }
    }

    var hasUnfinishedPods: Bool { pods.contains { !$0.isFinished } }
    var isHeld: Bool { metadata.finalizers?.contains(Anneal.Finalizer.settle) == true }

    /// Makes one step of the run's life.
    mutating func live() {
        if metadata.deletionTimestamp != nil { return cancel() }
        if status.phase.isTerminal { return rest() }
        if let ending = conflict { return end(ending.phase, reason: ending.reason, message: ending.message) }
        if stopForGood() || changeSuspension() || exceedsLimit() { return }
        if status.phase == .pending { return leavePending() }
        stage()
    }

    var conflict: (phase: RunStatus.Phase, reason: String, message: String)? { nil }
    var isWaiting: Bool { status.phase == .queued }
    mutating func resumed(after seconds: Int64) {}
    mutating func stop(_ pod: Pod) { delete(pod) }

    /// Lets a finished run rest: nothing is left but its last accounts and its time to live.
    private mutating func rest() {
        if isHeld, isSettled { steps.final.append(.removeFinalizer(Anneal.Finalizer.settle)) }
        guard let seconds = policy?.ttlSecondsAfterFinished, let end = status.completionTime,
            let uid = metadata.uid
        else { return }
        let left = now.left(of: max(0, seconds), since: end)
        if left <= 0 { steps.final.append(.deleteRun(uid: uid)) } else { wake(after: left) }
    }

    /// Plans for a run that is being deleted. Its children go with it; where a finalizer holds it, they go
    /// before.
    private mutating func cancel() {
        if !status.phase.isTerminal {
            end(
                Self.phase(of: .deleted), reason: "Deleted",
                message: "The \(run.kind) was deleted before it finished")
        }
        if isHeld, isSettled { steps.final.append(.removeFinalizer(Anneal.Finalizer.settle)) }
    }

    private mutating func leavePending() {
        if let problem = seen.specErrors.first ?? spec.problem {
            return end(Self.phase(of: .failed), reason: "InvalidSpec", message: problem.description)
        }
        status.startTime = status.startTime ?? now
        start()
    }

    // MARK: Wishes to stop

    /// Ends a run whose parent has no use for it any more, once its work is saved and its GPUs are back; true
    /// if the parent asks for that.
    private mutating func stopForGood() -> Bool {
        guard let stop = policy?.stop else { return false }
        guard hasWorkToSave else {
            end(
                Self.phase(of: .stopped), reason: Wording.reason(stop.reason),
                message: stop.message ?? "The run's parent asked it to stop")
            return true
        }
        for pod in workers where !pod.isFinished { self.stop(pod) }
        status.reason = "Stopping"
        status.message = "Saves a checkpoint and stops, as runPolicy.stop asks"
        return true
    }

    /// Suspends or resumes where the spec asks for it; true if nothing more is to be done in this pass.
    private mutating func changeSuspension() -> Bool {
        let isWanted = policy?.suspend == true
        if status.phase == .suspended {
            if !isWanted, status.admission?.revoked?.reason != .budgetExhausted { resume() }
            return true
        }
        guard isWanted else { return false }
        suspend(
            reason: "Suspended",
            message:
                "Suspended in \(status.phase.rawValue) as runPolicy.suspend asks; set it to false to go on")
        return true
    }

    private mutating func suspend(reason: String, message: String) {
        let from = status.phase
        closeAttempt(failure: nil)
        status.suspendedAt = now
        status.phase = .suspended
        status.reason = reason
        status.message = message
        set(
            "Suspended", true, reason: reason,
            message: reason == "Suspended" ? "runPolicy.suspend is true" : "The scheduler took the GPUs back")
        note(.normal, reason, "Suspended in \(from.rawValue)")
    }

    private mutating func resume() {
        if let since = status.suspendedAt {
            let seconds = max(0, now.seconds(since: since))
            status.suspendedSeconds = max(0, status.suspendedSeconds ?? 0).addingClamped(seconds)
            resumed(after: seconds)
        }
        status.suspendedAt = nil
        let wasPaused = status.conditions?["Suspended"]?.reason == Revocation.Reason.budgetExhausted.rawValue
        set(
            "Suspended", false, reason: "Resumed",
            message: wasPaused ? "There is budget again" : "runPolicy.suspend is false")
        resumeStage()
        note(.normal, "Resumed", "Goes on with \(status.phase.rawValue)")
    }

    /// Gives the GPUs back where the scheduler wants them: the attempt is stopped, and counts as nothing.
    ///
    /// - Parameter attempt: The attempt in progress.
    /// - Returns: Whether it does.
    mutating func giveBack(_ attempt: Int?) -> Bool {
        guard let admission = status.admission, admission.attempt == attempt,
            let revocation = admission.revoked
        else { return false }
        switch revocation.reason {
        case .preempted:
            closeAttempt(failure: nil)
            queueAgain(after: revocation)
        case .budgetExhausted: suspend(reason: revocation.reason.rawValue, message: revocation.message)
        }
        set(
            "Admitted", false, reason: revocation.reason.rawValue, message: "The scheduler took the GPUs back"
        )
        return true
    }

    // MARK: Limits and admission

    /// Keeps the account of the time for which the run waits for an admission.
    mutating func accountForWaiting() {
        if isWaiting {
            status.queuedSince = status.queuedSince ?? now
        } else if let since = status.queuedSince {
            let seconds = max(0, now.seconds(since: since))
            status.queuedSince = nil
            status.queuedSeconds = max(0, status.queuedSeconds ?? 0).addingClamped(seconds)
            resumed(after: seconds)
        }
    }

    private mutating func exceedsLimit() -> Bool {
        guard let start = status.startTime, status.queuedSince == nil else { return false }
        let limit = limit
        let waited = max(0, status.suspendedSeconds ?? 0).addingClamped(max(0, status.queuedSeconds ?? 0))
        let elapsed =
            limit.since.map { now.seconds(since: $0) } ?? now.seconds(since: start).addingClamped(-waited)
        let left = limit.seconds.addingClamped(-elapsed)
        guard left <= 0 else {
            wake(after: left)
            return false
        }
        end(Self.phase(of: .failed), reason: limit.reason, message: limit.message)
        return true
    }

    /// The scheduler's word on the next attempt: true once it may begin. No two attempts run at once.
    mutating func isAdmitted() -> Bool {
        guard !hasUnfinishedPods else {
            wake(after: settings.queuePollSeconds)
            return false
        }
        guard let admission = status.admission, admission.revoked == nil, admission.attempt == nextAttempt
        else { return false }
        set("Admitted", true, reason: "Admitted", message: "The scheduler let the run in")
        return true
    }

    /// Holds the run until its GPU time is settled: true once it is held, which is before a pod is created.
    mutating func hold() -> Bool {
        if isHeld { return true }
        steps.final.append(.addFinalizer(Anneal.Finalizer.settle))
        return false
    }

    // MARK: The end

    mutating func end(_ phase: RunStatus.Phase, reason: String, message: String) {
        closeAttempt(failure: phase == Self.phase(of: .failed) ? message : nil)
        status.phase = phase
        status.reason = reason
        status.message = Wording.bounded(message)
        status.completionTime = now
        status.suspendedAt = nil
        set(
            "Finished", true, reason: phase.isSuccess ? "Succeeded" : phase.rawValue,
            message: phase.isSuccess ? "The run has succeeded" : "\(reason): \(status.message ?? "")")
        note(phase.isSuccess ? .normal : .warning, phase.isSuccess ? phase.rawValue : reason, message)
    }

    /// Says what follows from the rest of the status for all kinds.
    mutating func describeLife() {
        status.observedGeneration = metadata.generation
        if status.conditions?["Finished"] == nil {
            set("Finished", false, reason: "InProgress", message: "The run has not finished")
        }
        // Each holds for the spec's present generation too.
        status.conditions = status.conditions.map { conditions in
            conditions.map { condition in
                var condition = condition
                condition.observedGeneration = metadata.generation
                return condition
            }
        }
    }
}
