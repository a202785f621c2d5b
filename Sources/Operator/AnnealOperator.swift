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
        let jobs = TrainingJobGatherer(caches: caches, capacity: capacity, settings: configuration.planner)
        let runs = EvalRunGatherer(caches: caches, capacity: capacity, settings: configuration.planner)
        let reconcileJob = RunReconciler<TrainingJob>(
            store: caches.trainingJobs.store,
            plan: { TrainingJobPlanner.plan(jobs.observe($0, now: $1)) },
            applier: applier, now: now, logger: logger
        ).reconcile
        let reconcileRun = RunReconciler<EvalRun>(
            store: caches.evalRuns.store,
            plan: { EvalRunPlanner.plan(runs.observe($0, now: $1)) },
            applier: applier, now: now, logger: logger
        ).reconcile

        let controllers: [any ServiceLifecycle.Service] = [
            Controller(
                name: "trainingjob", queue: trainingJobs, workers: configuration.workers, logger: logger,
                waitUntilReady: caches.waitUntilSynced, reconcile: reconcileJob),
            Controller(
                name: "evalrun", queue: evalRuns, workers: configuration.workers, logger: logger,
                waitUntilReady: caches.waitUntilSynced, reconcile: reconcileRun),
        ]
        let group = ServiceGroup(
            services: caches.services + [events] + controllers, logger: logger)
        try await group.run()
    }
}
