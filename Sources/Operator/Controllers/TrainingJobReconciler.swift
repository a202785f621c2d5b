import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning

/// Observe, plan, apply: one pass over one TrainingJob.
struct TrainingJobReconciler: Sendable {
    let store: Store<TrainingJob>
    let gatherer: TrainingJobGatherer
    let applier: PlanApplier
    let now: @Sendable () -> Timestamp

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        guard let job = store.get(key) else { return Reconciliation() }
        let plan = TrainingJobPlanner.plan(gatherer.observe(job, now: now()))
        try await applier.apply(plan, to: job)
        return Reconciliation(requeueAfter: plan.requeueAfter.map { .seconds($0) })
    }
}
