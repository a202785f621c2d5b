import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Logging
import Planning

/// Observe, plan, apply: one pass over one TrainingJob.
struct TrainingJobReconciler: Sendable {
    let store: Store<TrainingJob>
    let gatherer: TrainingJobGatherer
    let applier: PlanApplier
    let now: @Sendable () -> Timestamp
    let logger: Logger

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        guard let job = store.get(key) else { return Reconciliation() }
        let plan = TrainingJobPlanner.plan(gatherer.observe(job, now: now()))
        try await applier.apply(plan, to: job)
        if plan.status.phase != job.status?.phase {
            logger.info(
                "\(job.status?.phase.rawValue ?? "new") → \(plan.status.phase.rawValue)",
                metadata: [
                    "kind": "TrainingJob", "object": "\(key)", "reason": "\(plan.status.reason ?? "")",
                ])
        }
        return Reconciliation(requeueAfter: plan.requeueAfter.map { .seconds($0) })
    }
}
