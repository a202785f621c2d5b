import ControllerRuntime
import KubernetesAPI
import Logging
import Planning

/// Observe, plan, apply: one run, of whatever kind, as far as it gets without waiting for anything.
///
/// A pass makes one step. The server's answers tell what it wrote, so the next pass follows at once and
/// need not wait for the watch to tell the same.
struct RunReconciler<Run: StatefulRun>: Sendable {
    let informer: Informer<Run>
    /// Observes the run and decides what is to be done; writes nothing.
    let plan: @Sendable (Run, Timestamp) -> Plan<Run.RunStatus>
    let applier: PlanApplier
    let metrics: OperatorMetrics
    let now: @Sendable () -> Timestamp
    let logger: Logger

    /// After so many passes in a row other runs have their turn. No run makes so many steps at once.
    private static var passLimit: Int { 8 }

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        guard var run = informer.store.get(key) else { return .done }
        var isCurrent = false
        for _ in 0..<Self.passLimit {
            let plan = plan(run, now())
            guard let next = try await carryOut(plan, on: run, isCurrent: isCurrent) else {
                return Reconciliation(requeueAfter: plan.requeueAfter.map { .seconds($0) })
            }
            run = next
            isCurrent = true
        }
        return Reconciliation(requeueAfter: .zero)
    }

    /// Answers with the run as it is now where another pass may go on with it.
    private func carryOut(
        _ plan: Plan<Run.RunStatus>, on run: Run, isCurrent: Bool
    ) async throws -> Run? {
        do {
            let written = try await applier.writeStatus(plan.status, of: run)
            if let written {
                informer.assume(written)
                report(written, after: run.status)
            } else if plan.createsChildren, !isCurrent {
                try await applier.confirmVersion(of: run)
            }
            try await applier.carryOut(plan.effects, on: written ?? run)
            // What was deleted goes in its own time, which the watch tells.
            guard !plan.effects.contains(where: \.isDeletion) else { return nil }
            return written ?? (plan.createsChildren ? run : nil)
        } catch {
            applier.tell(error, of: run)
            throw error
        }
    }

    private func report(_ run: Run, after before: Run.RunStatus?) {
        guard let status = run.status else { return }
        metrics.observe(status, after: before, kind: Run.resourceType.kind)
        guard status.phaseName != before?.phaseName else { return }
        logger(for: run, status).info(
            "\(before?.phaseName ?? "new") → \(status.phaseName)",
            metadata: status.reason.map { ["reason": "\($0)"] })
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

extension Effect {
    fileprivate var isDeletion: Bool {
        switch self {
        case .delete, .removeFinalizer, .deleteRun: true
        case .create, .event: false
        }
    }
}
