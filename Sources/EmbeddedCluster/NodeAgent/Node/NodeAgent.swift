import ControllerRuntime
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import ServiceLifecycle
import Synchronization

/// The agent of one node: registers it, renews its Lease, runs the pods that are bound to it and serves their
/// logs. Several can run in one process.
///
/// Containers share the host's network. CPU limits are not enforced; memory limits are, by a watch over the
/// resident memory of a container's processes. ConfigMap and Secret volumes are renewed together with the
/// tokens, about every three quarters of an hour, and not when their objects change.
public struct NodeAgent: ServiceLifecycle.Service {
    private let configuration: NodeConfiguration
    private let client: KubernetesClient
    private let transport: HTTPTransport
    private let clock: NodeClock
    private let logger: Logger

    public init(
        configuration: NodeConfiguration, client: KubernetesClient, transport: HTTPTransport,
        clock: NodeClock = .system, logger: Logger = Logger(label: "anneal.node")
    ) {
        self.configuration = configuration
        self.client = client
        self.transport = transport
        self.clock = clock
        var logger = logger
        logger[metadataKey: "node"] = "\(configuration.name)"
        self.logger = logger
    }

    public func run() async throws {
        let field = "spec.nodeName=\(configuration.name)"
        let pods = Informer<Pod>(client: client, options: .init(fieldSelector: field), logger: logger)
        let peers = Informer<Pod>(client: client, transform: ServiceNames.reduced, logger: logger)
        let services = Informer<KubernetesAPI.Service>(client: client, logger: logger)
        let node = Informer<Node>(
            client: client, options: .init(fieldSelector: "metadata.name=\(configuration.name)"),
            logger: logger)
        let events = EventRecorder(
            client: client, component: "kubelet", instance: configuration.name, logger: logger)
        let cluster = KubernetesNodeCluster(
            client: client, transport: transport, peers: peers.store, services: services.store,
            events: events)
        let logs = LogDirectory()
        let gpus = Int(clamping: configuration.capacity["nvidia.com/gpu"]?.units ?? 0)
        let context = NodeContext(
            configuration: configuration, cluster: cluster,
            resources: NodeResources(network: configuration.podNetwork, gpuCount: gpus),
            layout: HostLayout.probe(), logs: logs, clock: clock, logger: logger)
        let registration = NodeRegistration(
            configuration: configuration, client: client, clock: clock, logger: logger)
        let listening = AsyncStream.makeStream(of: Int.self)
        let server = LogServer(
            directory: logs, readers: configuration.logReaders, port: configuration.logPort, clock: clock,
            logger: logger,
            onListening: { listening.continuation.yield($0) })
        let supervisor = PodSupervisor(context: context, pods: pods)
        let stopsPods = configuration.stopsPodsOnShutdown
        await withDiscardingTaskGroup { group in
            // Informers and the log server live until the pods have ended, so a graceful shutdown does not
            // end them.
            group.addTask { await ignoringGracefulShutdown { try await pods.run() } }
            group.addTask { await ignoringGracefulShutdown { try await peers.run() } }
            group.addTask { await ignoringGracefulShutdown { try await services.run() } }
            group.addTask { await ignoringGracefulShutdown { try await node.run() } }
            group.addTask { await ignoringGracefulShutdown { try await server.run() } }
            group.addTask { await ignoringGracefulShutdown { try await events.run() } }
            group.addTask {
                for await port in listening.stream {
                    guard (try? await registration.register(logPort: port)) != nil else { return }
                    await registration.keepAlive(logPort: port) {
                        let ready = node.store.list().first?.status?.conditions?.first { $0.type == "Ready" }
                        return node.store.hasSynced ? ready?.status == .true : true
                    }
                    return
                }
            }
            await supervisor.run(stopsPods: stopsPods)
            group.cancelAll()
        }
    }
}

/// Runs a service in a task of its own, which only cancellation ends.
private func ignoringGracefulShutdown(_ body: @escaping @Sendable () async throws -> Void) async {
    let task = Task.detached { try await body() }
    await withTaskCancellationHandler {
        _ = await task.result
    } onCancel: {
        task.cancel()
    }
}
