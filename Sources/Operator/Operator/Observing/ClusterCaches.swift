import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Scheduling
import ServiceLifecycle

/// Parts with which every cache is made.
struct InformerContext {
    let client: KubernetesClient
    /// The one namespace that is served; nil for all.
    let namespace: String?
    let malformed: MalformedObjects
    let logger: Logger
}

/// The caches that the controllers share: one a kind, those of children narrowed to Anneal's own by a label.
final class ClusterCaches: Sendable {
    let nodes: Informer<Node>
    /// All pods that have not ended, of any owner, reduced to what placing needs.
    let footprints: Informer<PodFootprint>
    let quotas: Informer<ResourceQuota>
    /// The one namespace that is served; nil for all.
    let namespace: String?
    /// What this process created.
    let creations = OwnCreations()
    /// Events on pods and Jobs that do not start.
    let startEvents = StartEvents()
    /// Contact with the API server while trainers are listened to.
    let contact = ServerContact()
    /// Informers of the registered kinds and of their children, by the Swift type of their objects.
    private let informers: [ObjectIdentifier: any AnyInformer]

    init(kinds: [any RegisteredKind], _ context: InformerContext) {
        namespace = context.namespace
        var informers: [ObjectIdentifier: any AnyInformer] = [:]
        for kind in kinds {
            let informer = kind.makeInformer(context)
            informers[informer.identifier] = informer
        }
        for type in kinds.flatMap(\.children) where informers[ObjectIdentifier(type)] == nil {
            informers[ObjectIdentifier(type)] = Self.childInformer(type, context)
        }
        self.informers = informers
        nodes = Informer(
            client: context.client, options: .init(listsFirst: true), transform: CapacityReduction.node,
            onMalformed: context.malformed.report(of: Node.self), logger: context.logger)
        let shapes = PodShapes()
        footprints = Informer(
            client: context.client,
            options: .init(fieldSelector: "status.phase!=Succeeded,status.phase!=Failed"),
            transform: { shapes.interned($0) }, logger: context.logger)
        quotas = Informer(
            client: context.client, namespace: context.namespace, options: .init(listsFirst: true),
            onMalformed: context.malformed.report(of: ResourceQuota.self), logger: context.logger)
    }

    private static func childInformer<R: KubernetesResource>(
        _ type: R.Type, _ context: InformerContext
    ) -> any AnyInformer {
        let mine = "\(Anneal.Label.managedBy)=\(Anneal.Label.managedByValue)"
        return Informer<R>(
            client: context.client, namespace: R.resourceType.isNamespaced ? context.namespace : nil,
            options: .init(labelSelector: mine, listsFirst: true),
            indexers: [
                // Grandchildren are found by the label: a Job's pods outlive its entry in the cache.
                IndexName.run: { child in
                    child.metadata.controller?.uid == child.runUID ? [] : child.runUID.map { [$0] } ?? []
                },
                IndexName.node: { child in (child as? Pod)?.spec?.nodeName.map { [$0] } ?? [] },
            ],
            onMalformed: context.malformed.report(of: R.self), logger: context.logger)
    }

    /// The cache of a kind; nil where no registered kind is it or owns any.
    func informer<R: KubernetesResource>(_ type: R.Type) -> Informer<R>? {
        informers[ObjectIdentifier(type)] as? Informer<R>
    }

    /// Objects of a kind that a run or one of its Jobs owns.
    func children<R: KubernetesResource>(_ type: R.Type, of uid: String) -> [R] {
        guard let store = informer(type)?.store, !uid.isEmpty else { return [] }
        return store.byOwner(uid) + store.byIndex(IndexName.run, uid)
    }

    /// Shows an object that was just written to whoever plans next.
    func assume<R: KubernetesResource>(_ object: R) { informer(R.self)?.assume(object) }

    /// Caches of the registered kinds and of their children.
    var ofRuns: [any AnyInformer] { Array(informers.values) }
    private var all: [any AnyInformer] { [nodes, footprints, quotas] + ofRuns }

    var services: [any ServiceLifecycle.Service] { all }

    /// Whether all kinds were listed once.
    var hasSynced: Bool { all.allSatisfy(\.hasSynced) }

    @Sendable func waitUntilSynced() async throws {
        for informer in all { try await informer.waitUntilSynced() }
    }
}

/// An informer of whatever kind.
protocol AnyInformer: ServiceLifecycle.Service {
    /// Identity of the Swift type of its objects.
    var identifier: ObjectIdentifier { get }
    var hasSynced: Bool { get }
    func waitUntilSynced() async throws
    /// Has `handler` told of every object that the watch says has changed.
    func follow(_ handler: @escaping @Sendable (any KubernetesResource) -> Void)
}

extension Informer: AnyInformer {
    var identifier: ObjectIdentifier { ObjectIdentifier(R.self) }
    var hasSynced: Bool { store.hasSynced }

    func follow(_ handler: @escaping @Sendable (any KubernetesResource) -> Void) {
        addHandler(ofAssumed: false) { change in
            // What passes from one owner to another concerns both.
            if case .updated(let old, let new) = change,
                old.metadata.controller?.uid != new.metadata.controller?.uid
            {
                handler(old)
            }
            handler(change.object)
        }
    }
}

enum IndexName {
    /// Runs that wait for an admission or have one.
    static let workload = "workload"
    static let uid = "uid"
    /// UID of the run that a child works for where another object stands between them.
    static let run = "run"
    /// Node of a pod.
    static let node = "node"
}

extension KubernetesResource {
    /// UID of the run that this child works for, as its label says.
    var runUID: String? { metadata.labels?[Anneal.Label.runUID] }
}

/// Nodes as placing needs them; the rest is not kept in memory.
enum CapacityReduction {
    static let node: @Sendable (Node) -> Node = { node in
        var reduced = Node(metadata: ObjectMeta(name: node.metadata.name, labels: node.metadata.labels))
        reduced.metadata.uid = node.metadata.uid
        reduced.metadata.resourceVersion = node.metadata.resourceVersion
        reduced.spec = node.spec
        var status = NodeStatus()
        status.allocatable = node.status?.allocatable
        status.conditions = node.status?.conditions?.filter { $0.type == "Ready" }.map {
            // Heartbeats must not look like changes.
            NodeCondition(type: $0.type, status: $0.status, lastTransitionTime: $0.lastTransitionTime)
        }
        reduced.status = status
        return reduced
    }
}
