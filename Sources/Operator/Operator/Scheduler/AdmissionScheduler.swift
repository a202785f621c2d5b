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
    /// Kinds whose runs wait for GPUs.
    let kinds: [any ClaimingRuns]
    let applier: PlanApplier
    let settings: PlannerSettings
    /// Name of this process in statuses.
    let identity: String
    let now: @Sendable () -> Timestamp
    /// Whether the runs were read afresh since this process leads.
    private let hasCaughtUp = Mutex(false)

    init(
        kinds: [any ClaimingRuns], applier: PlanApplier, settings: PlannerSettings, identity: String,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.kinds = kinds
        self.applier = applier
        self.settings = settings
        self.identity = identity
        self.now = now
    }

    /// Reasons to wait that one round writes at most: room that is freed meanwhile is not kept waiting.
    private static let reasonsPerRound = 200
    private static let writers = 8

    private var caches: ClusterCaches { applier.caches }

    func round(_: AdmissionRounds.Key) async throws -> Reconciliation {
        // Catching up belongs to the round: one that fails is made again, later with each failure.
        if !hasCaughtUp.withLock({ $0 }) {
            try await catchUp()
            hasCaughtUp.withLock { $0 = true }
        }
        let now = now()
        let claims = kinds.flatMap { $0.workloads(caches, settings, now) }
        guard !claims.isEmpty else { return .done }
        let decisions = AdmissionRound.decide(
            AdmissionRound.Snapshot(
                nodes: caches.nodes.store.list(),
                pods: Self.pods(caches.footprints.store.list(), and: claims.flatMap(\.pods)),
                quotas: caches.quotas.store.list(), workloads: claims.map(\.workload)))
        let byName = Dictionary(kinds.map { ($0.kind, $0) }) { first, _ in first }
        var urgent: [DecisionWrite] = []
        var reasons: [DecisionWrite] = []
        for (workload, decision) in decisions {
            let write = byName[workload.identity.kind]?
                .write(decision, on: workload, now, by: identity, applier)
            guard let write else { continue }
            if case .wait = decision { reasons.append(write) } else { urgent.append(write) }
        }
        let isConflicted = try await carryOut(urgent + reasons.prefix(Self.reasonsPerRound))
        let hasMore = isConflicted || reasons.count > Self.reasonsPerRound
        return Reconciliation(requeueAfter: hasMore ? .milliseconds(200) : nil)
    }

    /// All pods that may hold something. The watch of all pods lags behind what was just created, and may run
    /// ahead of the watch that workloads are read from: what either has not seen end keeps its room.
    static func pods(_ all: [PodFootprint], and claimed: [Pod]) -> [PodFootprint] {
        var missing = Dictionary(claimed.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        guard !missing.isEmpty else { return all }
        for pod in all where !pod.isFinished && missing[pod.key]?.metadata.uid == pod.metadata.uid {
            missing[pod.key] = nil
        }
        return all + missing.values.map(PodFootprint.init)
    }

    /// Reads the runs of every kind afresh.
    func catchUp() async throws {
        for claims in kinds { try await claims.catchUp(applier.client, namespace: caches.namespace) }
    }

    /// Whether a run had changed meanwhile: it is decided about again. Other errors end the round.
    private func carryOut(_ writes: [DecisionWrite]) async throws -> Bool {
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
