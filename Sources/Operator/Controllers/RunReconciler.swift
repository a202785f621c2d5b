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
    let metrics: OperatorMetrics
    let now: @Sendable () -> Timestamp
    let logger: Logger

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        guard let run = store.get(key) else { return .done }
        let plan = plan(run, now())
        let logger = logger(for: run, plan.status)
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
                metadata: plan.status.reason.map { ["reason": "\($0)"] })
        }
        metrics.observe(plan.status, after: run.status, kind: Run.resourceType.kind)
        return Reconciliation(requeueAfter: plan.requeueAfter.map { .seconds($0) })
    }

    /// Says of which run, stage and attempt a line speaks.
    private func logger(for run: Run, _ status: Run.RunStatus) -> Logger {
        var logger = logger
        logger[metadataKey: "kind"] = "\(Run.resourceType.kind)"
        logger[metadataKey: "namespace"] = "\(run.namespace)"
        logger[metadataKey: "name"] = "\(run.name)"
        logger[metadataKey: "run"] = run.metadata.uid.map { "\($0)" }
        logger[metadataKey: "stage"] = "\(status.stageName)"
        logger[metadataKey: "attempt"] = status.attemptNumber.map { .stringConvertible($0) }
        return logger
    }
}
