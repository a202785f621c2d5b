import APIServer
import AdmissionPlugins
import BuiltInKinds
import ClusterControllers
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import NodeAgent
import ServiceLifecycle

/// A cluster in one process: an API server, the controllers and scheduler beside it, and node agents.
///
/// The state folder survives restarts and kills: objects in a database, volumes as folders, and pods,
/// whose processes outlive the cluster when it is killed and are found again.
public struct LocalCluster: ServiceLifecycle.Service {
    public struct Configuration: Sendable {
        public var stateFolder: String
        /// 0 for the port used last, or any free one.
        public var port: Int
        public var nodes: [NodeDescription]
        public var images: ImageMap
        public var auditLog: String?
        /// Where the kubeconfig is written; nil for `kubeconfig` in the state folder.
        public var kubeconfig: String?
        public var allowsHostPath: Bool
        /// Seconds that a Job waits after a first failure; tests take less.
        public var jobBackoffBase: Int64

        public init(stateFolder: String) {
            self.stateFolder = stateFolder
            port = 0
            nodes = NodeLayout.standard(gpuNodes: 2, gpusPerNode: 4)
            images = BuiltInImages.map
            auditLog = nil
            kubeconfig = nil
            allowsHostPath = false
            jobBackoffBase = 10
        }

        public var kubeconfigPath: String { kubeconfig ?? "\(stateFolder)/kubeconfig" }
    }

    /// What happens, for who watches.
    public enum Progress: Sendable {
        case listening(address: String, kubeconfig: String)
        case node(String, gpus: Int64)
        /// Everything runs.
        case ready
        case stopping
    }

    private let configuration: Configuration
    private let server: APIServer
    private let transport: HTTPTransport
    private let logger: Logger
    private let onProgress: @Sendable (Progress) -> Void

    /// Opens the state folder.
    public init(
        configuration: Configuration, logger: Logger = Logger(label: "anneal.local"),
        onProgress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws {
        self.configuration = configuration
        self.logger = logger
        self.onProgress = onProgress
        transport = HTTPTransport(logger: logger)
        server = try await APIServer(
            configuration: APIServerConfiguration(
                stateDirectory: "\(configuration.stateFolder)/server",
                resources: BuiltInResources.definitions,
                admissionPlugins: AdmissionPlugins.standard(
                    webhooks: WebhookHTTP(transport), environment: .live),
                port: configuration.port, auditLogPath: configuration.auditLog, environment: .live,
                logger: logger))
    }

    /// A client that may do everything, once the server listens.
    public func client() async throws -> KubernetesClient {
        let address = try await server.address()
        return makeClient(address, token: server.adminToken)
    }

    /// Runs until the task is cancelled or shut down: pods are ended first, the API server last.
    public func run() async throws {
        let address = AddressedServices(cluster: self)
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: BoundedShutdown(service: server, limit: .seconds(2))),
                    .init(service: address),
                ], logger: logger))
        try await withGracefulShutdownHandler {
            try await group.run()
        } onGracefulShutdown: {
            onProgress(.stopping)
        }
    }

    /// What needs to know where the API server is.
    fileprivate func runMembers() async throws {
        let address = try await server.address()
        try await server.writeKubeconfig(to: configuration.kubeconfigPath)
        onProgress(.listening(address: address, kubeconfig: configuration.kubeconfigPath))
        let controllers = controllers(address)
        let nodes = try nodes(address)
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        // Stopped in reverse order: the pods end while the controllers still work.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: ([controllers] + nodes).map { .init(service: $0) }, logger: logger))
        // Connections that are kept for later would hold up the server's end.
        defer { transport.shutdown() }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { try await awaitNodes(address) }
            defer { tasks.cancelAll() }
            // Readiness ends long before the cluster does.
            while try await tasks.next() != nil {}
        }
    }

    private func controllers(_ address: String) -> any ServiceLifecycle.Service {
        var configuration = ClusterControllers.Configuration(
            volumesFolder: "\(configuration.stateFolder)/volumes",
            certificateAuthority: server.certificateAuthority)
        configuration.jobBackoffBase = self.configuration.jobBackoffBase
        return ClusterControllers(
            configuration: configuration,
            client: makeClient(
                address,
                token: server.issueToken(user: "system:kube-controller-manager", groups: ["system:masters"])),
            logger: logger)
    }

    private func nodes(_ address: String) throws -> [any ServiceLifecycle.Service] {
        let port = address.split(separator: ":").last.flatMap { Int($0) } ?? 443
        return configuration.nodes.enumerated().map { index, description in
            var node = NodeConfiguration(
                name: description.name, stateFolder: "\(configuration.stateFolder)/nodes/\(description.name)",
                images: configuration.images)
            node.labels = description.labels ?? [:]
            node.taints = description.taints ?? []
            node.capacity.merge(description.capacity ?? [:]) { _, given in given }
            node.podNetwork = NodeLayout.podNetwork(ofNode: index, stateFolder: configuration.stateFolder)
            node.apiServer = ("127.0.0.1", port)
            node.logReaders = LogReaders(token: server.nodeAgentToken)
            node.allowsHostPath = configuration.allowsHostPath
            let token = server.issueToken(
                user: "system:node:\(description.name)", groups: ["system:nodes", "system:masters"])
            onProgress(.node(description.name, gpus: node.capacity["nvidia.com/gpu"]?.units ?? 0))
            return NodeAgent(
                configuration: node, client: makeClient(address, token: token), transport: transport,
                logger: logger)
        }
    }

    private func awaitNodes(_ address: String) async throws {
        let client = makeClient(address, token: server.adminToken)
        let wanted = Set(configuration.nodes.map(\.name))
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            if let nodes = try? await client.list(Node.self).items {
                let ready = nodes.filter { node in
                    node.status?.conditions?.contains { $0.type == "Ready" && $0.status == .true } ?? false
                }
                if wanted.isSubset(of: ready.map(\.name)) {
                    onProgress(.ready)
                    return
                }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func makeClient(_ address: String, token: String) -> KubernetesClient {
        let tls = TLSOptions(certificateAuthority: Data(server.certificateAuthority.utf8))
        return KubernetesClient(
            configuration: ClusterConfiguration(server: address, tls: tls, credentials: .token(token)),
            transport: transport, userAgent: "anneal-local", logger: logger)
    }
}

private struct AddressedServices: ServiceLifecycle.Service {
    let cluster: LocalCluster
    func run() async throws { try await cluster.runMembers() }
}

/// What image references stand for where no `--images` file says otherwise: the host's own tools.
public enum BuiltInImages {
    public static let map = ImageMap([
        "busybox": ContainerImage(cmd: ["sh"]), "debian": ContainerImage(cmd: ["bash"]),
        "python": ContainerImage(cmd: ["python3"]),
        "registry.k8s.io/pause": ContainerImage(entrypoint: ["sleep", "infinity"]),
    ])
}
