import AdmissionWebhook
import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import ServiceLifecycle
import Telemetry

/// A registration of whatever kind.
protocol RegisteredKind: Sendable {
    var type: ResourceType { get }
    var children: [any KubernetesResource.Type] { get }
    /// The cache of the kind's objects.
    func makeInformer(_ context: InformerContext) -> any AnyInformer
    /// The kind with the cache that was made of it; nil where that is another's.
    func serve(_ caches: ClusterCaches, logger: Logger) -> (any ServedKind)?
}

extension Kind: RegisteredKind {
    var type: ResourceType { Object.resourceType }

    func makeInformer(_ context: InformerContext) -> any AnyInformer {
        var indexers = indexers
        // The pods of a run's Jobs are told by the run's UID.
        if children.contains(where: { $0 == Job.self }) {
            indexers[IndexName.uid] = { $0.metadata.uid.map { [$0] } ?? [] }
        }
        return Informer<Object>(
            client: context.client, namespace: type.isNamespaced ? context.namespace : nil,
            options: .init(listsFirst: true), indexers: indexers, transform: reduction,
            onMalformed: context.malformed.report(of: Object.self), logger: context.logger)
    }

    func serve(_ caches: ClusterCaches, logger: Logger) -> (any ServedKind)? {
        caches.informer(Object.self).map { Served(kind: self, informer: $0, logger: logger) }
    }
}

/// A kind as a process serves it: its registration, its cache, and the keys that wait for its controller.
protocol ServedKind: Sendable {
    /// Name in metrics and logs, in lower case.
    var name: String { get }
    var type: ResourceType { get }
    /// Identity of the Swift type of its objects.
    var identifier: ObjectIdentifier { get }
    var children: [any KubernetesResource.Type] { get }
    var hasController: Bool { get }
    /// Keys that wait for the controller. They outlive a term: what changed while another process led waits
    /// here.
    var queue: WorkQueue<ObjectKey> { get }
    /// Claims to GPUs; nil for a kind that holds none.
    var claims: (any ClaimingRuns)? { get }
    var hasSynced: Bool { get }

    /// Has every object looked at.
    func wakeAll()
    /// Has the object with that UID looked at.
    func wake(uid: String)
    /// Has changes of an object wake the object itself, and `wakeOwner` told where they concern its owner,
    /// with the time in which more of them are taken together.
    func follow(wakeOwner: @escaping @Sendable (any KubernetesResource, Duration) -> Void)
    func count(in census: RunCensus)
    func policy(_ caches: ClusterCaches, _ settings: PlannerSettings) -> AdmissionPolicy?
    /// The controller that the leader runs for the kind; nil if there is nothing to do.
    func controller(
        _ term: TermParts, workers: Int, waitUntilReady: @escaping @Sendable () async throws -> Void
    ) -> (any ServiceLifecycle.Service)?
}

/// A kind with its own type.
struct Served<Object: KubernetesResource>: ServedKind {
    let kind: Kind<Object>
    let informer: Informer<Object>
    let queue = WorkQueue<ObjectKey>()
    let logger: Logger

    /// Changes of runs that one owner is told of together: their phases, and their figures.
    private static var gathering: (phases: Duration, figures: Duration) { (.milliseconds(100), .seconds(1)) }

    var name: String { type.kind.lowercased() }
    var type: ResourceType { Object.resourceType }
    var identifier: ObjectIdentifier { ObjectIdentifier(Object.self) }
    var children: [any KubernetesResource.Type] { kind.children }
    var hasController: Bool { kind.reconcile != nil }
    var claims: (any ClaimingRuns)? { kind.claims?(self) }
    var hasSynced: Bool { informer.store.hasSynced }

    func wakeAll() {
        if hasController { informer.store.keys.forEach(queue.add) }
    }

    func wake(uid: String) {
        for object in informer.store.byIndex(IndexName.uid, uid) { queue.add(object.key) }
    }

    func follow(wakeOwner: @escaping @Sendable (any KubernetesResource, Duration) -> Void) {
        if hasController {
            // Writes of a run's own pass are known to it. Only an object that was just created in its name is
            // new to it.
            informer.addHandler(ofAssumed: false) { [queue] change in queue.add(change.key) }
            informer.addHandler { [queue] change in
                if case .added(let object) = change { queue.add(object.key) }
            }
        }
        informer.addHandler { [kind] change in
            guard change.object.metadata.controller != nil else { return }
            guard case .updated(let old, let new) = change, let outlook = kind.outlook else {
                return wakeOwner(change.object, Self.gathering.phases)
            }
            let (before, now) = (outlook(old), outlook(new))
            guard before != now else { return }
            let isUrgent = before.phase != now.phase || before.isBeingDeleted != now.isBeingDeleted
            wakeOwner(new, isUrgent ? Self.gathering.phases : Self.gathering.figures)
        }
    }

    func count(in census: RunCensus) {
        if let phase = kind.phase { census.count(informer, phase: phase) }
        if let figures = kind.figures { census.add(figures(informer)) }
    }

    func policy(_ caches: ClusterCaches, _ settings: PlannerSettings) -> AdmissionPolicy? {
        kind.policy?(caches, settings)
    }

    func controller(
        _ term: TermParts, workers: Int, waitUntilReady: @escaping @Sendable () async throws -> Void
    ) -> (any ServiceLifecycle.Service)? {
        guard let reconcile = kind.reconcile else { return nil }
        return Controller(
            name: name, queue: queue, workers: workers, logger: logger, observer: term.metrics.observe,
            waitUntilReady: waitUntilReady, reconcile: reconcile(self, term))
    }
}
