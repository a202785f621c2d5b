import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning

/// Observe, plan, apply: one pass over one EvalRun.
struct EvalRunReconciler: Sendable {
    let store: Store<EvalRun>
    let gatherer: EvalRunGatherer
    let applier: PlanApplier
    let now: @Sendable () -> Timestamp

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        guard let run = store.get(key) else { return Reconciliation() }
        let plan = EvalRunPlanner.plan(gatherer.observe(run, now: now()))
        try await applier.apply(plan, to: run)
        return Reconciliation(requeueAfter: plan.requeueAfter.map { .seconds($0) })
    }
}
