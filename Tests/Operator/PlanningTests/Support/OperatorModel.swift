import AnnealAPI
import KubernetesAPI
import Planning
import Scheduling

/// The applier as `Plan` describes it, with the ways in which it can be cut off.
extension World {
    enum Applied: Hashable {
        case done, conflict, crashed
    }

    /// Carries out a plan that was made from `observation`; with `crashAfter`, no more steps than that.
    mutating func apply(
        _ plan: Plan<TrainingJobStatus>, of observation: TrainingJobObservation, crashAfter: Int? = nil
    ) -> Applied {
        var steps = 0
        let mayGoOn = { (steps: Int) in crashAfter.map { steps < $0 } ?? true }
        let version = observation.run.metadata.resourceVersion
        if plan.status != observation.run.status {
            guard mayGoOn(steps) else { return .crashed }
            guard checkedWrite(plan.status, version: version) else { return .conflict }
            steps += 1
        } else if plan.changesChildren, state.job?.metadata.resourceVersion != version {
            return .conflict
        }
        for effect in plan.effects {
            guard mayGoOn(steps) else { return .crashed }
            carryOut(effect)
            steps += 1
        }
        return .done
    }

    private mutating func carryOut(_ effect: Effect) {
        switch effect {
        case .create(let child, _): create(child)
        case .apply(let child, _): violations.append("\(child.identity) was applied")
        case .patch(let reference, let change): patch(reference, change)
        case .delete(let reference, let grace): delete(reference, now: grace == 0)
        case .event(let note): events.append(note)
        case .addFinalizer(let name):
            let known = state.job?.metadata.finalizers ?? []
            guard !known.contains(name) else { return }
            state.job?.metadata.finalizers = known + [name]
            touchRun()
        case .removeFinalizer(let name):
            state.job?.metadata.finalizers?.removeAll { $0 == name }
            touchRun()
            dropRunIfFree()
        case .deleteRun(let uid): if state.job?.metadata.uid == uid { deleteRun() }
        }
    }

    /// Writes a status, and checks what must hold between one status and the next.
    private mutating func checkedWrite(_ new: TrainingJobStatus, version: String?) -> Bool {
        let old = status
        guard write(new, version: version) else { return false }
        guard let old else { return true }
        if old.phase.isTerminal, new.phase != old.phase {
            violations.append("\(old.phase) was followed by \(new.phase)")
        }
        if new.trainingAttempts ?? 0 < old.trainingAttempts ?? 0 {
            violations.append("trainingAttempts fell")
        }
        if new.countedFailures ?? 0 < old.countedFailures ?? 0 { violations.append("countedFailures fell") }
        if new.gpuSeconds ?? 0 < old.gpuSeconds ?? 0 { violations.append("gpuSeconds fell") }
        for record in old.stages ?? [] {
            let later = new.stages?.first { $0.name == record.name }
            if later?.attempts ?? 0 < record.attempts { violations.append("attempts of \(record.name) fell") }
        }
        return true
    }

    /// Gives the scheduler its turn: it decides about a run that waits, and takes back what is over.
    ///
    /// - Parameter seen: A state that its caches lag behind with; nil for the newest.
    mutating func schedule(observing seen: State? = nil) {
        let seen = seen ?? state
        guard let job = seen.job, var status = job.status,
            let workload = TrainingJobPlanner.workload(
                of: job, pods: Array(seen.pods.values), settings: settings, now: now)
        else { return }
        let decision: AdmissionRound.Decision
        switch workload.state {
        case .waiting: decision = hasCapacity ? .admit(pods: workload.gang.count) : .wait("full")
        case .admitted:
            // The scheduler lets go of a run that it paused once there is budget again.
            let isPaused = status.phase == .suspended && status.admission?.revoked?.reason == .budgetExhausted
            guard isPaused, hasBudget, seen.pods.values.allSatisfy({ !$0.isTrainer || $0.isDone }) else {
                return
            }
            decision = .release
        case .released: decision = .release
        }
        AdmissionRecord.note(
            decision, on: workload, in: &status, generation: 1, now: now, scheduler: "test")
        if status != job.status { _ = write(status, version: job.metadata.resourceVersion) }
    }

    /// Lets runs whose budget was used up go on.
    mutating func giveBudget() { hasBudget = true }

    /// The scheduler wants the GPUs back.
    mutating func revoke(_ reason: Revocation.Reason) {
        if reason == .budgetExhausted { hasBudget = false }
        guard var status, let version = state.job?.metadata.resourceVersion else { return }
        AdmissionRecord.revoke(reason, message: "another run goes first", in: &status, now: now)
        if status != self.status { _ = write(status, version: version) }
    }

    /// Makes one pass of an operator that nothing disturbs.
    mutating func pass() {
        schedule()
        guard let observation = observation() else { return }
        _ = apply(TrainingJobPlanner.plan(observation), of: observation)
    }

    /// Makes passes and ticks until the phase is reached; false if it never is.
    @discardableResult
    mutating func run(until phase: TrainingJobPhase, limit: Int = 400) -> Bool {
        run(limit: limit) { $0.phase == phase }
    }

    @discardableResult
    mutating func run(limit: Int = 400, until condition: (World) -> Bool) -> Bool {
        for _ in 0..<limit {
            if condition(self) { return true }
            pass()
            if condition(self) { return true }
            tick()
        }
        return condition(self)
    }
}
