import AnnealAPI
import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import ServiceLifecycle

/// The operator: informers, queues and one controller a kind, as services of one group.
public struct AnnealOperator: ServiceLifecycle.Service {
    private let client: KubernetesClient
    private let configuration: OperatorConfiguration
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    public init(
        client: KubernetesClient, configuration: OperatorConfiguration, logger: Logger,
        now: @escaping @Sendable () -> Timestamp = { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }
    ) {
        self.client = client
        self.configuration = configuration
        self.logger = logger
        self.now = now
    }

    /// Runs until graceful shutdown; a failure of one service ends all.
    public func run() async throws {
        logger.info(
            "starting",
            metadata: [
                "server": "\(client.configuration.server)",
                "namespace": "\(configuration.namespace ?? "all")",
            ])
        let events = EventRecorder(
            client: client, component: "anneal.dev/operator", instance: configuration.identity, logger: logger
        )
        let caches = ClusterCaches(
            client: client, namespace: configuration.namespace,
            malformed: MalformedObjects(events: events, logger: logger), logger: logger)
        let trainingJobs = WorkQueue<ObjectKey>()
        let evalRuns = WorkQueue<ObjectKey>()
        Triggers(caches: caches, trainingJobs: trainingJobs, evalRuns: evalRuns).install()

        let applier = PlanApplier(client: client, events: events)
        let capacity = CapacityView(
            nodes: caches.nodes.store, boundPods: caches.boundPods.store, gate: AdmissionGate())
        let jobs = TrainingJobReconciler(
            store: caches.trainingJobs.store,
            gatherer: TrainingJobGatherer(
                caches: caches, capacity: capacity, settings: configuration.planner),
            applier: applier, now: now, logger: logger)
        let evaluations = EvalRunReconciler(
            store: caches.evalRuns.store,
            gatherer: EvalRunGatherer(caches: caches, capacity: capacity, settings: configuration.planner),
            applier: applier, now: now, logger: logger)

        let controllers: [any ServiceLifecycle.Service] = [
            Controller(
                name: "trainingjob", queue: trainingJobs, workers: configuration.workers, logger: logger,
                waitUntilReady: caches.waitUntilSynced, reconcile: jobs.reconcile),
            Controller(
                name: "evalrun", queue: evalRuns, workers: configuration.workers, logger: logger,
                waitUntilReady: caches.waitUntilSynced, reconcile: evaluations.reconcile),
        ]
        let group = ServiceGroup(
            services: caches.services + [events] + controllers, logger: logger)
        try await group.run()
    }
}
