import AdmissionWebhook
import AnnealAPI
import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import NIOPosix
import ServiceLifecycle
import Telemetry

/// The operator: what every process does, caches and servers, and the term of the one that leads.
public struct AnnealOperator: ServiceLifecycle.Service, CustomStringConvertible {
    public var description: String { "AnnealOperator" }

    private let kinds: [any RegisteredKind]
    private let client: KubernetesClient
    private let configuration: OperatorConfiguration
    private let metrics: OperatorMetrics
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    /// The operator for all kinds of this version.
    ///
    /// - Parameter metrics: Metrics that the client's observer counts in, too.
    public init(
        client: KubernetesClient, configuration: OperatorConfiguration,
        metrics: OperatorMetrics = OperatorMetrics(), logger: Logger,
        now: @escaping @Sendable () -> Timestamp = { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }
    ) {
        self.init(
            kinds: Kinds.all, client: client, configuration: configuration, metrics: metrics, logger: logger,
            now: now)
    }

    init(
        kinds: [any RegisteredKind], client: KubernetesClient, configuration: OperatorConfiguration,
        metrics: OperatorMetrics, logger: Logger, now: @escaping @Sendable () -> Timestamp
    ) {
        self.kinds = kinds
        self.client = client
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        self.now = now
    }

    /// Runs until graceful shutdown; a failure of one service ends all.
    public func run() async throws {
        logger.info(
            "starting",
            metadata: [
                "server": "\(client.configuration.server)",
                "served": "\(configuration.namespace ?? "all namespaces")",
            ])
        let fence = WriteFence()
        // A sole operator has no other to be fenced off from.
        let leader = configuration.election == nil ? client : client.fenced(by: fence)
        let events = EventRecorder(
            client: leader, component: "anneal.dev/operator", instance: configuration.identity, logger: logger
        )
        let caches = ClusterCaches(
            kinds: kinds,
            InformerContext(
                client: client, namespace: configuration.namespace,
                malformed: MalformedObjects(events: events, metrics: metrics, logger: logger), logger: logger)
        )
        let served = kinds.compactMap { $0.serve(caches, logger: logger) }
        let rounds = AdmissionRounds()
        WakeUps(caches: caches, kinds: served, rounds: rounds).install()
        let webhook = webhook(served, caches, leader: leader)
        let term = LeaderTerm(
            client: leader, caches: caches, kinds: served, rounds: rounds, events: events,
            configuration: configuration, metrics: metrics, others: webhook?.leaderServices ?? [],
            logger: logger, now: now)
        let leadership = Leadership(
            term, election: configuration.election, client: client, fence: fence, logger: logger)
        collectMetrics(served, events, leadership)
        let group = ServiceGroup(
            services: [IdleMemory()] + caches.services + (webhook?.services ?? [])
                + servers(caches, served, leadership, webhook) + [leadership.service],
            logger: logger)
        try await group.run()
    }

    private func webhook(
        _ served: [any ServedKind], _ caches: ClusterCaches, leader: KubernetesClient
    ) -> AdmissionWebhook? {
        guard let webhook = configuration.webhook else { return nil }
        let controller = AdmissionController(
            served.compactMap { $0.policy(caches, configuration.planner) })
        return AdmissionWebhook(
            webhook, controller: controller, client: client, leaderClient: leader,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
            observer: metrics.observe)
    }

    private func servers(
        _ caches: ClusterCaches, _ served: [any ServedKind], _ leadership: Leadership,
        _ webhook: AdmissionWebhook?
    ) -> [any ServiceLifecycle.Service] {
        let liveness = [
            HealthCheck("leader-election") { leadership.problem },
            WorkerProgress(queues: served.filter(\.hasController).map(\.queue)).check,
        ]
        // A process that stands by is ready: it could lead at once.
        var readiness = [HealthCheck("caches") { caches.hasSynced ? nil : "not all kinds were listed yet" }]
        if let webhook { readiness.append(HealthCheck("webhook") { webhook.problem }) }
        return configuration.telemetry.servers(
            metrics: metrics.registry, liveness: liveness, readiness: readiness, logger: logger)
    }

    private func collectMetrics(
        _ served: [any ServedKind], _ events: EventRecorder, _ leadership: Leadership
    ) {
        let census = RunCensus()
        for kind in served { kind.count(in: census) }
        metrics.registry.addCollector(census.collect)
        metrics.registry.addCollector {
            var samples = [
                MetricSample(MetricCatalogue.leader, value: leadership.isLeading ? 1 : 0),
                MetricSample(MetricCatalogue.eventsDropped, value: Double(events.droppedCount)),
            ]
            for kind in served where kind.hasController {
                let labels = [MetricLabel("controller", kind.name)]
                samples += [
                    MetricSample(MetricCatalogue.queueDepth, labels, value: Double(kind.queue.dueCount)),
                    MetricSample(MetricCatalogue.queueAdds, labels, value: Double(kind.queue.addedCount)),
                ]
            }
            return samples
        }
    }
}
