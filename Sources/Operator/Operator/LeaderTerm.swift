import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import ServiceLifecycle

/// Work that only the leading process does, from the beginning to the end of its lead.
struct LeaderTerm: ServiceLifecycle.Service {
    /// Client that writes only while this process leads.
    let client: KubernetesClient
    let caches: ClusterCaches
    let kinds: [any ServedKind]
    let rounds: AdmissionRounds
    let events: EventRecorder
    let configuration: OperatorConfiguration
    let metrics: OperatorMetrics
    /// Other services that only the leader runs.
    let others: [any ServiceLifecycle.Service]
    let logger: Logger
    let now: @Sendable () -> Timestamp

    func run() async throws {
        // Work that an earlier term left half done, here or elsewhere, is looked at again.
        for kind in kinds { kind.wakeAll() }
        rounds.ask()
        // Services end in the opposite order: controllers first, then what they had to say is written.
        let group = ServiceGroup(services: [events] + others + controllers(), logger: logger)
        try await group.run()
    }

    private func controllers() -> [any ServiceLifecycle.Service] {
        let parts = TermParts(
            applier: PlanApplier(client: client, events: events, caches: caches),
            settings: configuration.planner, metrics: metrics, now: now)
        let scheduler = AdmissionScheduler(
            kinds: kinds.compactMap(\.claims), applier: parts.applier, settings: configuration.planner,
            identity: configuration.identity, now: now)
        let admission = Controller(
            name: "admission", queue: rounds.queue, workers: 1, logger: logger, observer: metrics.observe,
            waitUntilReady: caches.waitUntilSynced, reconcile: scheduler.round)
        let probe = ContactProbe(contact: caches.contact, client: client, now: now)
        return [admission, startEvents, probe]
            + kinds.compactMap { kind in
                kind.controller(
                    parts, workers: configuration.workers, waitUntilReady: caches.waitUntilSynced)
            }
    }
    /// Reads what is said of pods and Jobs that do not start.
    private var startEvents: any ServiceLifecycle.Service {
        let wakeUps = WakeUps(caches: caches, kinds: kinds, rounds: rounds)
        return Controller(
            name: "start-events", queue: caches.startEvents.queue, workers: 2, logger: logger,
            waitUntilReady: caches.waitUntilSynced
        ) { wish in
            let saysMore = await caches.startEvents.read(wish, by: client, now(), logger: logger)
            guard saysMore else { return .done }
            if let pod = caches.informer(Pod.self)?.store.get(wish.key), pod.metadata.uid == wish.uid {
                wakeUps.wakeOwner(of: pod, after: .zero)
            } else if let job = caches.informer(Job.self)?.store.get(wish.key) {
                wakeUps.wakeOwner(of: job, after: .zero)
            }
            return .done
        }
    }
}
