import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Scheduling
import Synchronization

/// Lets runs in: one round over all that wait, when something changed. It alone writes `status.admission`.
///
/// A round depends on what the API server has, and on nothing that is only here: a leader that follows
/// decides as this one would have.
final class AdmissionScheduler: Sendable {
    let caches: ClusterCaches
    let queues: OperatorQueues
    let applier: PlanApplier
    let settings: PlannerSettings
    /// This process, as statuses name it.
    let identity: String
    let now: @Sendable () -> Timestamp
    /// Whether the runs were read afresh since this process leads.
    private let hasCaughtUp = Mutex(false)

    init(
        caches: ClusterCaches, queues: OperatorQueues, applier: PlanApplier, settings: PlannerSettings,
        identity: String, now: @escaping @Sendable () -> Timestamp
    ) {
        self.caches = caches
        self.queues = queues
        self.applier = applier
        self.settings = settings
        self.identity = identity
        self.now = now
    }

    /// Reasons to wait that one round writes at most: room that is freed meanwhile is not kept waiting.
    private static let reasonsPerRound = 200
    private static let writers = 8

    /// A write of one decision; throws if it was refused.
    private typealias Write = @Sendable () async throws -> Void

    func round(_: AdmissionRounds.Key) async throws -> Reconciliation {
        // Here and not before the first round: one that fails is made again, later with each failure.
        if !hasCaughtUp.withLock({ $0 }) {
            try await catchUp()
            hasCaughtUp.withLock { $0 = true }
        }
        let now = now()
        let workloads = workloads(now)
        guard !workloads.isEmpty else { return .done }
        let decisions = AdmissionRound.decide(
            AdmissionRound.Snapshot(
                nodes: caches.nodes.store.list(), pods: caches.footprints.store.list(),
                quotas: caches.quotas.store.list(), workloads: workloads))
        var urgent: [Write] = []
        var reasons: [Write] = []
        for (workload, decision) in decisions {
            guard let write = write(decision, on: workload, now) else { continue }
            if case .wait = decision { reasons.append(write) } else { urgent.append(write) }
        }
        let isConflicted = try await carryOut(urgent + reasons.prefix(Self.reasonsPerRound))
        let hasMore = isConflicted || reasons.count > Self.reasonsPerRound
        return Reconciliation(requeueAfter: hasMore ? .milliseconds(200) : nil)
    }

    /// Reads the runs afresh: what the leader before this one wrote last is seen before anything is decided.
    func catchUp() async throws {
        try await catchUp(caches.trainingJobs, queues.trainingJobs)
        try await catchUp(caches.evalRuns, queues.evalRuns)
    }

    private func catchUp<Run: StatefulRun>(
        _ informer: Informer<Run>, _ queue: WorkQueue<ObjectKey>
    ) async throws {
        var token: String?
        repeat {
            let page = try await applier.client.listLeniently(
                Run.self, namespace: caches.namespace, options: ListOptions(limit: 500, continue: token))
            for case .object(let run) in page.items {
                let known = informer.store.get(run.key)?.metadata.resourceVersion
                guard known != run.metadata.resourceVersion else { continue }
                informer.assume(run)
                // The watch tells nobody of what was assumed: the run would wait for its next change.
                queue.add(run.key)
            }
            token = page.metadata.continue.flatMap { $0.isEmpty ? nil : $0 }
        } while token != nil
    }

    private func workloads(_ now: Timestamp) -> [Workload] {
        let jobs = caches.trainingJobs.store.byIndex(IndexName.workload, "").compactMap { job in
            TrainingJobPlanner.workload(of: job, pods: pods(of: job), settings: settings, now: now)
        }
        let runs = caches.evalRuns.store.byIndex(IndexName.workload, "").compactMap { run in
            EvalRunPlanner.workload(of: run, pods: pods(of: run), settings: settings, now: now)
        }
        return jobs + runs
    }

    private func pods(of run: some KubernetesResource) -> [Pod] {
        caches.pods.store.byIndex(IndexName.run, run.metadata.uid ?? "")
    }

    /// Nil where the status says so already.
    private func write(
        _ decision: AdmissionRound.Decision, on workload: Workload, _ now: Timestamp
    ) -> Write? {
        switch workload.identity.kind {
        case TrainingJob.resourceType.kind:
            write(decision, on: workload, now, caches.trainingJobs, queues.trainingJobs)
        case EvalRun.resourceType.kind: write(decision, on: workload, now, caches.evalRuns, queues.evalRuns)
        default: nil
        }
    }

    private func write<Run: AdmittedRun>(
        _ decision: AdmissionRound.Decision, on workload: Workload, _ now: Timestamp,
        _ informer: Informer<Run>, _ queue: WorkQueue<ObjectKey>
    ) -> Write? {
        guard let run = informer.store.get(workload.identity.key),
            run.metadata.uid == workload.identity.uid, var status = run.status
        else { return nil }
        AdmissionRecord.note(
            decision, on: workload, in: &status, generation: run.metadata.generation, now: now,
            scheduler: identity)
        guard status != run.status else { return nil }
        return { [applier, status] in
            guard let written = try await applier.writeStatus(status, of: run) else { return }
            informer.assume(written)
            queue.add(written.key)
        }
    }

    /// Whether a run had changed meanwhile: it is decided about again. Other errors end the round.
    private func carryOut(_ writes: [Write]) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            var isConflicted = false
            var rest = writes[...]
            func startNext() {
                guard let write = rest.popFirst() else { return }
                group.addTask {
                    do {
                        try await write()
                        return false
                    } catch let error as KubernetesError where error.isConflict || error.isNotFound {
                        return true
                    }
                }
            }
            for _ in 0..<Self.writers { startNext() }
            while let conflicted = try await group.next() {
                isConflicted = isConflicted || conflicted
                startNext()
            }
            return isConflicted
        }
    }
}
