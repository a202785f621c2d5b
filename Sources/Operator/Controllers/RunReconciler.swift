import ControllerRuntime
import KubernetesAPI
import Logging
import Planning

/// Observe, plan, apply: one pass over one run, of whatever kind.
struct RunReconciler<Run: StatefulRun>: Sendable {
    let store: Store<Run>
    /// Observes the run and decides what is to be done; writes nothing.
    let plan: @Sendable (Run, Timestamp) -> Plan<Run.RunStatus>
    let applier: PlanApplier
    let now: @Sendable () -> Timestamp
    let logger: Logger

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        guard let run = store.get(key) else { return .done }
        let plan = plan(run, now())
        do {
            try await applier.apply(plan, to: run)
        } catch {
            applier.tell(error, of: run)
            throw error
        }
        let before = run.status?.phaseName
        if plan.status.phaseName != before {
            logger.info(
                "\(before ?? "new") → \(plan.status.phaseName)",
                metadata: [
                    "kind": "\(Run.resourceType.kind)", "object": "\(key)",
                    "reason": "\(plan.status.reason ?? "")",
                ])
        }
        return Reconciliation(requeueAfter: plan.requeueAfter.map { .seconds($0) })
    }
}
