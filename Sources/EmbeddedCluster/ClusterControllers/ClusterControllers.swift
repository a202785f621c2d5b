import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import Scheduling
import ServiceLifecycle

/// The controllers that make a cluster of an API server, through the API alone.
public struct ClusterControllers: ServiceLifecycle.Service {
    public enum Name: String, CaseIterable, Sendable {
        case garbageCollector = "garbage-collector"
        case job, namespace, quota, volume, endpoints, scheduler
        case nodeLifecycle = "node-lifecycle"
        /// Makes and removes volumes, beside a control plane that binds them to claims.
        case provisioner

        /// All controllers of a control plane.
        public static var whole: Set<Name> { Set(allCases).subtracting([.provisioner]) }
    }

    public struct Configuration: Sendable {
        public var controllers: Set<Name>
        /// Seconds between a Job's first failure and the next attempt.
        public var jobBackoffBase: Int64
        /// Folder below which the provisioner makes its folders.
        public var volumesFolder: String
        public var storageClass: String
        /// Authority in PEM for `kube-root-ca.crt`; nil if another controller writes it.
        public var certificateAuthority: String?
        public var schedulerName: String

        public init(volumesFolder: String, certificateAuthority: String? = nil) {
            controllers = Name.whole
            jobBackoffBase = 10
            self.volumesFolder = volumesFolder
            storageClass = "standard"
            self.certificateAuthority = certificateAuthority
            schedulerName = "default-scheduler"
        }
    }

    private let configuration: Configuration
    private let client: KubernetesClient
    private let clock: ControllerClock
    private let logger: Logger

    public init(
        configuration: Configuration, client: KubernetesClient, clock: ControllerClock = .system,
        logger: Logger = Logger(label: "anneal.controllers")
    ) {
        self.configuration = configuration
        self.client = client
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        let caches = Caches(client: client, logger: logger)
        let index = MetadataIndex(client: client, logger: logger)
        let events = EventRecorder(client: client, component: configuration.schedulerName)
        var services: [any ServiceLifecycle.Service] = caches.services + [index, events]
        if configuration.controllers.contains(.garbageCollector) { services.append(garbageCollector(index)) }
        if configuration.controllers.contains(.job) { services.append(jobs(caches, events)) }
        if configuration.controllers.contains(.namespace) { services.append(namespaces(caches, index)) }
        if configuration.controllers.contains(.quota) { services.append(quotas(caches, index)) }
        if !configuration.controllers.isDisjoint(with: [.volume, .provisioner]) {
            services += volumes(caches)
        }
        if configuration.controllers.contains(.endpoints) { services.append(endpoints(caches)) }
        if configuration.controllers.contains(.scheduler) { services.append(scheduler(caches, events)) }
        if configuration.controllers.contains(.nodeLifecycle) { services.append(nodes(caches)) }
        try await withThrowingDiscardingTaskGroup { group in
            for service in services { group.addTask { try await service.run() } }
        }
    }
}

/// The informers that the controllers share.
struct Caches: Sendable {
    let pods: Informer<Pod>
    let nodes: Informer<Node>
    let jobs: Informer<BatchJob>
    let claims: Informer<PersistentVolumeClaim>
    let volumes: Informer<PersistentVolume>
    let classes: Informer<StorageClass>
    let kubernetesServices: Informer<KubernetesAPI.Service>
    let endpoints: Informer<Endpoints>
    let namespaces: Informer<Namespace>
    let quotas: Informer<ResourceQuota>
    let leases: Informer<Lease>

    init(client: KubernetesClient, logger: Logger) {
        pods = Informer(
            client: client, indexers: ["node": { pod in pod.spec?.nodeName.map { [$0] } ?? [] }],
            logger: logger)
        nodes = Informer(client: client, logger: logger)
        jobs = Informer(client: client, logger: logger)
        claims = Informer(client: client, logger: logger)
        volumes = Informer(client: client, logger: logger)
        classes = Informer(client: client, logger: logger)
        kubernetesServices = Informer(client: client, logger: logger)
        endpoints = Informer(client: client, logger: logger)
        namespaces = Informer(client: client, logger: logger)
        quotas = Informer(client: client, logger: logger)
        leases = Informer(client: client, namespace: "kube-node-lease", logger: logger)
    }

    var services: [any ServiceLifecycle.Service] {
        [
            pods, nodes, jobs, claims, volumes, classes, kubernetesServices, endpoints, namespaces, quotas,
            leases,
        ]
    }
}

extension ClusterControllers {
    private func garbageCollector(_ index: MetadataIndex) -> Controller<String> {
        let queue = WorkQueue<String>()
        let collector = GarbageCollector(client: client, index: index)
        index.onChange { change in for uid in change.affected { queue.add(uid) } }
        return Controller(name: Name.garbageCollector.rawValue, queue: queue, logger: logger) { uid in
            try await collector.reconcile(uid: uid)
        }
    }

    private func jobs(_ caches: Caches, _ events: EventRecorder) -> Controller<ObjectKey> {
        let queue = WorkQueue<ObjectKey>()
        let controller = JobController(
            client: client, clock: clock, backoffBase: configuration.jobBackoffBase, events: events)
        caches.jobs.addHandler { queue.add($0.key) }
        caches.pods.addHandler { change in
            guard let owner = change.object.metadata.controller, owner.kind == "Job" else { return }
            queue.add(ObjectKey(namespace: change.key.namespace, name: owner.name))
        }
        return Controller(name: Name.job.rawValue, queue: queue, logger: logger) { key in
            try await controller.reconcile(key)
        }
    }

    private func namespaces(_ caches: Caches, _ index: MetadataIndex) -> Controller<String> {
        let queue = WorkQueue<String>()
        let controller = NamespaceController(
            client: client, index: index, certificateAuthority: configuration.certificateAuthority)
        caches.namespaces.addHandler { queue.add($0.key.name) }
        index.onChange { change in
            // Objects that every namespace has come back when they are deleted.
            let isFurniture =
                (change.type.plural == "serviceaccounts" && change.key.name == "default")
                || (change.type.plural == "configmaps" && change.key.name == "kube-root-ca.crt")
            if isFurniture { queue.add(change.key.namespace) }
        }
        return Controller(name: Name.namespace.rawValue, queue: queue, workers: 2, logger: logger) { name in
            try await controller.reconcile(name)
        }
    }

    private func quotas(_ caches: Caches, _ index: MetadataIndex) -> Controller<String> {
        let queue = WorkQueue<String>()
        let controller = QuotaController(
            client: client, index: index, quotas: caches.quotas.store, pods: caches.pods.store,
            claims: caches.claims.store, services: caches.kubernetesServices.store)
        // Admission charges a quota for new objects; the controller finds out which ones were given back. It
        // waits a moment, until the caches have the objects that admission let through.
        let settling: Duration = .milliseconds(300)
        caches.quotas.addHandler { change in
            if case .updated(let old, let new) = change, old.spec == new.spec { return }
            queue.add(change.key.namespace, after: settling)
        }
        caches.pods.addHandler { change in
            if change.object.isFinished { queue.add(change.key.namespace, after: settling) }
        }
        caches.kubernetesServices.addHandler { change in
            guard case .updated(let old, let new) = change, old.spec != new.spec else { return }
            queue.add(change.key.namespace, after: settling)
        }
        index.onChange { change in
            if change.isDeleted, change.type.isNamespaced { queue.add(change.key.namespace, after: settling) }
        }
        return Controller(
            name: Name.quota.rawValue, queue: queue, workers: 1, logger: logger,
            waitUntilReady: {
                try await caches.pods.waitUntilSynced()
                try await caches.claims.waitUntilSynced()
                try await caches.kubernetesServices.waitUntilSynced()
            }
        ) { namespace in try await controller.reconcile(namespace: namespace) }
    }

    private func volumes(_ caches: Caches) -> [any ServiceLifecycle.Service] {
        let claims = WorkQueue<ObjectKey>()
        let volumes = WorkQueue<String>()
        let controller = VolumeController(
            client: client, claims: caches.claims.store, volumes: caches.volumes.store,
            classes: caches.classes.store, pods: caches.pods.store, folder: configuration.volumesFolder,
            binds: configuration.controllers.contains(.volume))
        caches.claims.addHandler { change in
            claims.add(change.key)
            if let volume = change.object.spec?.volumeName { volumes.add(volume) }
        }
        caches.volumes.addHandler { change in
            volumes.add(change.key.name)
            if let claim = change.object.spec?.claimRef {
                claims.add(ObjectKey(namespace: claim.namespace ?? "", name: claim.name ?? ""))
            }
        }
        caches.classes.addHandler { _ in for claim in caches.claims.store.list() { claims.add(claim.key) } }
        caches.pods.addHandler { change in
            for volume in change.object.spec?.volumes ?? [] {
                guard let name = volume.persistentVolumeClaim?.claimName else { continue }
                claims.add(ObjectKey(namespace: change.key.namespace, name: name))
            }
        }
        let storageClass = configuration.storageClass
        return [
            Controller(
                name: "volume-binder", queue: claims, logger: logger,
                waitUntilReady: {
                    try await caches.claims.waitUntilSynced()
                    try await caches.volumes.waitUntilSynced()
                    try await caches.classes.waitUntilSynced()
                    try await controller.ensureStorageClass(storageClass)
                }
            ) { key in try await controller.reconcile(claim: key) },
            Controller(name: "volume-reclaimer", queue: volumes, workers: 2, logger: logger) { name in
                try await controller.reconcile(volume: name)
            },
        ]
    }

    private func endpoints(_ caches: Caches) -> Controller<ObjectKey> {
        let queue = WorkQueue<ObjectKey>()
        let controller = EndpointsController(
            client: client, services: caches.kubernetesServices.store, pods: caches.pods.store,
            endpoints: caches.endpoints.store)
        caches.kubernetesServices.addHandler { queue.add($0.key) }
        caches.endpoints.addHandler { queue.add($0.key) }
        caches.pods.addHandler { change in
            for service in caches.kubernetesServices.store.list(namespace: change.key.namespace)
            where service.spec?.selector?.isEmpty == false { queue.add(service.key) }
        }
        return Controller(
            name: Name.endpoints.rawValue, queue: queue, logger: logger,
            waitUntilReady: {
                try await caches.kubernetesServices.waitUntilSynced()
                try await caches.endpoints.waitUntilSynced()
                try await caches.pods.waitUntilSynced()
            }
        ) { key in try await controller.reconcile(key) }
    }

    private func scheduler(_ caches: Caches, _ events: EventRecorder) -> Controller<String> {
        let queue = WorkQueue<String>()
        let controller = SchedulerController(
            client: client, pods: caches.pods.store, nodes: caches.nodes.store, claims: caches.claims.store,
            clock: clock, schedulerName: configuration.schedulerName, events: events)
        // Any change may make room; changes that come together make one round.
        let round = "round"
        caches.pods.addHandler { _ in queue.add(round, after: .milliseconds(20)) }
        caches.claims.addHandler { _ in queue.add(round, after: .milliseconds(20)) }
        caches.nodes.addHandler { change in
            if case .updated(let old, let new) = change, old.spec == new.spec,
                old.status?.allocatable == new.status?.allocatable, old.metadata.labels == new.metadata.labels
            {
                return
            }
            queue.add(round, after: .milliseconds(20))
        }
        return Controller(
            name: Name.scheduler.rawValue, queue: queue, workers: 1, logger: logger,
            waitUntilReady: {
                try await caches.pods.waitUntilSynced()
                try await caches.nodes.waitUntilSynced()
                try await caches.claims.waitUntilSynced()
            }
        ) { _ in try await controller.round() }
    }

    private func nodes(_ caches: Caches) -> Controller<String> {
        let queue = WorkQueue<String>()
        let controller = NodeLifecycleController(
            client: client, nodes: caches.nodes.store, leases: caches.leases.store, pods: caches.pods.store,
            clock: clock)
        caches.nodes.addHandler { queue.add($0.key.name) }
        caches.pods.addHandler { change in
            if let node = change.object.spec?.nodeName, !node.isEmpty { queue.add(node) }
        }
        return Controller(
            name: Name.nodeLifecycle.rawValue, queue: queue, workers: 1, logger: logger,
            waitUntilReady: {
                try await caches.nodes.waitUntilSynced()
                try await caches.leases.waitUntilSynced()
                try await caches.pods.waitUntilSynced()
            }
        ) { name in try await controller.reconcile(node: name) }
    }
}
