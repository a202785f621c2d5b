import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Scheduling
import ServiceLifecycle

/// The informers that the controllers share: one a kind, children narrowed to Anneal's own by a label.
struct ClusterCaches: Sendable {
    let trainingJobs: Informer<TrainingJob>
    let evalRuns: Informer<EvalRun>
    let jobs: Informer<Job>
    let pods: Informer<Pod>
    let claims: Informer<PersistentVolumeClaim>
    let headlessServices: Informer<KubernetesAPI.Service>
    let leases: Informer<Lease>
    let nodes: Informer<Node>
    /// All pods that have not ended, of any owner, reduced to what placing needs.
    let footprints: Informer<PodFootprint>
    let quotas: Informer<ResourceQuota>
    /// The one namespace that is served; nil for all.
    let namespace: String?

    init(client: KubernetesClient, namespace: String?, malformed: MalformedObjects, logger: Logger) {
        self.namespace = namespace
        let mine = "\(Anneal.Label.managedBy)=\(Anneal.Label.managedByValue)"
        func children<R: KubernetesResource>(_ type: R.Type) -> Informer<R> {
            Informer(
                client: client, namespace: namespace, options: .init(labelSelector: mine, listsFirst: true),
                onMalformed: malformed.report(of: type), logger: logger)
        }
        trainingJobs = Informer(
            client: client, namespace: namespace, options: .init(listsFirst: true),
            indexers: [
                IndexName.idempotencyKey: { job in
                    job.spec.idempotencyKey.map { ["\(job.namespace)/\($0)"] } ?? []
                },
                IndexName.workload: { $0.hasWorkload ? [""] : [] },
                IndexName.uid: { $0.metadata.uid.map { [$0] } ?? [] },
            ], transform: RunReduction.trainingJob,
            onMalformed: malformed.report(of: TrainingJob.self), logger: logger)
        evalRuns = Informer(
            client: client, namespace: namespace, options: .init(listsFirst: true),
            indexers: [
                IndexName.workload: { $0.hasWorkload ? [""] : [] }
            ],
            transform: RunReduction.evalRun, onMalformed: malformed.report(of: EvalRun.self), logger: logger)
        jobs = children(Job.self)
        pods = Informer(
            client: client, namespace: namespace, options: .init(labelSelector: mine, listsFirst: true),
            indexers: [IndexName.run: { $0.runUID.map { [$0] } ?? [] }],
            onMalformed: malformed.report(of: Pod.self), logger: logger)
        claims = children(PersistentVolumeClaim.self)
        headlessServices = children(KubernetesAPI.Service.self)
        leases = children(Lease.self)
        nodes = Informer(
            client: client, options: .init(listsFirst: true), transform: CapacityReduction.node,
            onMalformed: malformed.report(of: Node.self),
            logger: logger)
        let shapes = PodShapes()
        footprints = Informer(
            client: client, options: .init(fieldSelector: "status.phase!=Succeeded,status.phase!=Failed"),
            transform: { shapes.interned($0) }, logger: logger)
        quotas = Informer(
            client: client, namespace: namespace, options: .init(listsFirst: true),
            onMalformed: malformed.report(of: ResourceQuota.self), logger: logger)
    }

    /// Shows a child that was just created to whoever plans next.
    func assume(_ child: Child) {
        switch child {
        case .job(let job): jobs.assume(job)
        case .pod(let pod): pods.assume(pod)
        case .claim(let claim): claims.assume(claim)
        case .service(let service): headlessServices.assume(service)
        case .lease(let lease): leases.assume(lease)
        case .evalRun(let run): evalRuns.assume(run)
        }
    }

    var services: [any ServiceLifecycle.Service] {
        [
            trainingJobs, evalRuns, jobs, pods, claims, headlessServices, leases, nodes, footprints, quotas,
        ]
    }

    /// Whether all kinds were listed once.
    var hasSynced: Bool {
        trainingJobs.store.hasSynced && evalRuns.store.hasSynced && jobs.store.hasSynced
            && pods.store.hasSynced && claims.store.hasSynced && headlessServices.store.hasSynced
            && leases.store.hasSynced && nodes.store.hasSynced && footprints.store.hasSynced
            && quotas.store.hasSynced
    }

    func waitUntilSynced() async throws {
        try await trainingJobs.waitUntilSynced()
        try await evalRuns.waitUntilSynced()
        try await jobs.waitUntilSynced()
        try await pods.waitUntilSynced()
        try await claims.waitUntilSynced()
        try await headlessServices.waitUntilSynced()
        try await leases.waitUntilSynced()
        try await nodes.waitUntilSynced()
        try await footprints.waitUntilSynced()
        try await quotas.waitUntilSynced()
    }
}

extension Store<TrainingJob> {
    /// The name of an unfinished run of the namespace with that idempotency key.
    func liveRun(namespace: String, idempotencyKey: String) -> String? {
        byIndex(IndexName.idempotencyKey, "\(namespace)/\(idempotencyKey)")
            .first { $0.status?.phase.isTerminal != true }?.name
    }
}

enum IndexName {
    static let idempotencyKey = "idempotencyKey"
    /// Runs that wait for an admission or have one.
    static let workload = "workload"
    static let uid = "uid"
    /// The UID of the run that a child works for, also where a Job stands between them.
    static let run = "run"
}

extension KubernetesResource {
    /// The run that this child works for, as its label says.
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
            NodeCondition(type: $0.type, status: $0.status)
        }
        reduced.status = status
        return reduced
    }
}
