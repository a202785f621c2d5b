import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Planning
import Scheduling

/// A kind whose runs wait for an admission to GPUs.
protocol ClaimingRun: StatefulRun where RunStatus: AdmittedStatus {
    var runPolicy: RunPolicy? { get }
    /// Whether the run waits in the queue for an admission.
    var isQueued: Bool { get }
}

extension ClaimingRun {
    /// Whether the scheduler has to look at the run.
    var hasClaim: Bool { isQueued || status?.admission != nil }

    var admissionStanding: AdmissionStanding {
        AdmissionStanding(
            phase: status?.phaseName, isQueued: isQueued, admission: status?.admission,
            suspend: runPolicy?.suspend == true,
            stops: runPolicy?.stop != nil, isDeleted: metadata.deletionTimestamp != nil)
    }
}

/// All of a run on which its place in the queue depends, but for its pods.
struct AdmissionStanding: Hashable {
    var phase: String?
    var isQueued: Bool
    var admission: Admission?
    var suspend: Bool
    var stops: Bool
    var isDeleted: Bool
}

/// The runs of one kind, as the scheduler deals with them.
protocol ClaimingRuns: Sendable {
    /// Name of the kind, by which a workload is told to be one of its runs.
    var kind: String { get }
    /// Asks for a round when a run's standing changes.
    func follow(_ rounds: AdmissionRounds)
    /// Reads the runs afresh: what the leader before this one wrote last is seen before anything is decided.
    func catchUp(_ client: KubernetesClient, namespace: String?) async throws
    func workloads(_ caches: ClusterCaches, _ settings: PlannerSettings, _ now: Timestamp) -> [ClaimedRoom]
    /// The write of a decision about a run; nil where its status says so already.
    func write(
        _ decision: AdmissionRound.Decision, on workload: Workload, _ now: Timestamp, by scheduler: String,
        _ applier: PlanApplier
    ) -> DecisionWrite?
}

/// A run as the scheduler sees it, and what it holds already.
struct ClaimedRoom: Sendable {
    var workload: Workload
    /// Pods of the run that have not ended, as the workload counts them.
    var pods: [Pod]
}

/// A write of one decision; throws if it was refused.
typealias DecisionWrite = @Sendable () async throws -> Void

/// The runs of a kind with its own type.
struct Claims<Run: ClaimingRun>: ClaimingRuns {
    let informer: Informer<Run>
    let queue: WorkQueue<ObjectKey>
    let workload: @Sendable (Run, [Pod], PlannerSettings, Timestamp) -> Workload?

    var kind: String { Run.resourceType.kind }

    func follow(_ rounds: AdmissionRounds) { informer.addHandler { rounds.note($0) } }

    func catchUp(_ client: KubernetesClient, namespace: String?) async throws {
        var token: String?
        repeat {
            let page = try await client.listLeniently(
                Run.self, namespace: Run.resourceType.isNamespaced ? namespace : nil,
                options: ListOptions(limit: 500, continue: token))
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

    func workloads(
        _ caches: ClusterCaches, _ settings: PlannerSettings, _ now: Timestamp
    ) -> [ClaimedRoom] {
        informer.store.byIndex(IndexName.workload, "").compactMap { run in
            let pods = caches.children(Pod.self, of: run.metadata.uid ?? "")
            return workload(run, pods, settings, now).map {
                ClaimedRoom(workload: $0, pods: pods.filter { !$0.isFinished })
            }
        }
    }

    func write(
        _ decision: AdmissionRound.Decision, on workload: Workload, _ now: Timestamp, by scheduler: String,
        _ applier: PlanApplier
    ) -> DecisionWrite? {
        guard let run = informer.store.get(workload.identity.key),
            run.metadata.uid == workload.identity.uid, var status = run.status
        else { return nil }
        AdmissionRecord.note(
            decision, on: workload, in: &status, generation: run.metadata.generation, now: now,
            scheduler: scheduler)
        guard status != run.status else { return nil }
        return { [informer, queue, status] in
            guard let written = try await applier.writeStatus(status, of: run) else { return }
            informer.assume(written)
            queue.add(written.key)
        }
    }
}
