import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Logging
import Planning

/// Observe, plan, apply: one pass over one EvalRun.
struct EvalRunReconciler: Sendable {
    let store: Store<EvalRun>
    let gatherer: EvalRunGatherer
    let applier: PlanApplier
    let now: @Sendable () -> Timestamp
    let logger: Logger

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        guard let run = store.get(key) else { return Reconciliation() }
        let plan = EvalRunPlanner.plan(gatherer.observe(run, now: now()))
        try await applier.apply(plan, to: run)
        if plan.status.phase != run.status?.phase {
            logger.info(
                "\(run.status?.phase.rawValue ?? "new") → \(plan.status.phase.rawValue)",
                metadata: [
                    "kind": "EvalRun", "object": "\(key)", "reason": "\(plan.status.reason ?? "")",
                ])
        }
        return Reconciliation(requeueAfter: plan.requeueAfter.map { .seconds($0) })
    }
}
