import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning

/// Reconciles one run, of whatever kind: observe, plan, apply, as far as it gets without waiting for
/// anything.
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

    /// Passes in a row after which other runs have their turn. No run makes so many steps at once.
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

    /// Carries out a plan, and returns the run as it is then; nil where no other pass may go on with it.
    private func carryOut(
        _ plan: Plan<Run.RunStatus>, on run: Run, isCurrent: Bool
    ) async throws -> Run? {
        let written: Run?
        do {
            written = try await applier.writeStatus(plan.status, of: run)
        } catch let error as KubernetesError where error.status != nil && !error.isRetryable {
            // An event has to say that the status can't be written.
            if !error.isConflict, !error.isNotFound { record("its status: \(error)", of: run) }
            throw error
        }
        if let written {
            informer.assume(written)
            report(written, after: run.status)
        } else if plan.changesChildren, !isCurrent {
            try await applier.confirmVersion(of: run)
        }
        let current = written ?? run
        let failures = try await applier.carryOut(plan.effects, on: current)
        try await tell(failures, of: current)
        if let failure = failures.first { throw failure.error }
        guard !plan.effects.contains(where: \.isToldByWatch) else { return nil }
        return written ?? (plan.makesChildren ? run : nil)
    }

    /// Says in the status, and in an event, what the run needs and does not get.
    private func tell(_ failures: [EffectFailure], of run: Run) async throws {
        let refusals = failures.filter(\.isWorthTelling)
        for refusal in refusals { record(refusal.description, of: run) }
        // A conflict alone says nothing about a refusal that the status tells of.
        guard refusals.isEmpty == failures.isEmpty, var status = run.status else { return }
        EffectReport.note(
            refusals.map { ($0.reason, $0.description) }, in: &status.conditions,
            generation: run.metadata.generation, now: now())
        if let written = try await applier.writeStatus(status, of: run) { informer.assume(written) }
    }

    private func record(_ refusal: String, of run: Run) {
        applier.events.record(
            EventRecord(
                regarding: run.reference, type: "Warning", reason: "ApplyFailed", action: "Apply",
                note: "Refused, and tried again: \(refusal)"))
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
