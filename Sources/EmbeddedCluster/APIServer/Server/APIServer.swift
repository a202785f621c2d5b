import Crypto
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Logging
import ServiceLifecycle

/// The API server of the embedded cluster.
///
/// ```swift
/// let server = try await APIServer(
///     configuration: APIServerConfiguration(stateDirectory: "…", resources: […], admissionPlugins: […]))
/// // run it as a service, then:
/// let address = try await server.address()
/// ```
public struct APIServer: ServiceLifecycle.Service, Sendable {
    private let configuration: APIServerConfiguration
    private let certificates: CertificateFiles
    private let endpoint = EndpointPromise()
    private let transport: HTTPTransport
    let core: ServerCore

    /// The PEM text of the certificate authority that clients must trust.
    public var certificateAuthority: String { certificates.authority }
    /// A token that may do everything.
    public let adminToken: String
    /// Bearer token that this server presents to node agents when it fetches logs.
    public let nodeAgentToken: String

    /// Opens the state folder, or lays it out on the first start.
    public init(configuration: APIServerConfiguration) async throws {
        self.configuration = configuration
        let folder = configuration.stateDirectory
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        certificates = try CertificateFiles.load(
            folder: folder,
            hosts: [
                configuration.host, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default",
                "kubernetes.default.svc",
            ])
        let secret = try StateFile(folder: folder, name: "token.key").read { Self.randomText() }
        nodeAgentToken = try StateFile(folder: folder, name: "node-agent.token").read { Self.randomText() }
        let tokens = TokenIssuer(secret: Data(secret.utf8))
        let now = configuration.environment.now()
        adminToken = try StateFile(folder: folder, name: "admin.token").read {
            tokens.token(
                TokenIssuer.Claims(
                    user: "admin", groups: [ServerCore.masters], issued: now, identifier: "admin"))
        }
        let builtIn =
            configuration.resources + [CustomResourceDefinition.definition] + ReviewResources.definitions
        transport = HTTPTransport(logger: configuration.logger)
        core = ServerCore(
            store: try ObjectStore(path: "\(folder)/cluster.sqlite"),
            registry: ResourceRegistry(builtIn: builtIn), environment: configuration.environment,
            tokens: tokens,
            plugins: configuration.admissionPlugins, logger: configuration.logger)
        try await ClusterBootstrap(core: core).run()
        CustomResourceController(core: core).restore()
    }

    private static func randomText() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { bytes in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }

    /// A token for a component of the cluster; it does not end.
    ///
    /// - Parameters:
    ///   - user: `system:kube-scheduler`, say
    ///   - groups: `system:masters` may do everything
    public func issueToken(user: String, groups: [String]) -> String {
        core.tokens.token(
            TokenIssuer.Claims(
                user: user, groups: groups, issued: core.now,
                identifier: configuration.environment.makeUID()))
    }

    /// A token of a service account, bound to a pod; nil if the account does not exist.
    public func issueToken(
        serviceAccount: ObjectKey, pod: (name: String, uid: String)?, lifetime seconds: Int64
    ) -> String? {
        let resource = GroupResource(group: "", plural: "serviceaccounts")
        guard let account = core.store.get(resource, serviceAccount) else { return nil }
        return core.tokens.token(
            TokenIssuer.Claims(
                user: "system:serviceaccount:\(serviceAccount.namespace):\(serviceAccount.name)", groups: [],
                issued: core.now, expires: core.now.advanced(by: seconds),
                identifier: configuration.environment.makeUID(),
                serviceAccount: TokenIssuer.Claims.ServiceAccount(
                    namespace: serviceAccount.namespace, name: serviceAccount.name, uid: account.value.uid,
                    podName: pod?.name, podUID: pod?.uid)))
    }

    /// `https://127.0.0.1:PORT`, as soon as the server listens.
    public func address() async throws -> String { try await endpoint.value() }

    /// Writes a kubeconfig for the administrator, once the server listens.
    public func writeKubeconfig(to path: String, context: String = "anneal-local") async throws {
        let config = try await Kubeconfig(
            name: context, server: address(), certificateAuthority: certificateAuthority, token: adminToken)
        try StateFile(
            folder: URL(filePath: path).deletingLastPathComponent().path,
            name: URL(filePath: path).lastPathComponent
        )
        .write(config.text)
    }

    /// Serves until the task is cancelled or shut down gracefully.
    public func run() async throws {
        let portFile = StateFile(folder: configuration.stateDirectory, name: "port")
        let port = configuration.port != 0 ? configuration.port : portFile.read().flatMap { Int($0) } ?? 0
        let router = try makeRouter(port: port)
        let (core, endpoint, host) = (core, endpoint, configuration.host)
        defer {
            endpoint.fail(EndpointPromise.Stopped())
            transport.shutdown()
        }
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await CustomResourceController(core: core).run() }
                group.addTask { try await compact() }
                let listener = HTTPListener(
                    router: router, certificates: certificates, host: host, logger: configuration.logger)
                try await listener.run(port: port, mayChangePort: configuration.port == 0) { bound in
                    try? portFile.write(String(bound))
                    endpoint.fulfil("https://\(host):\(bound)")
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            // Watches would hold their connections open.
            core.store.closeFeeds()
        }
    }

    func makeRouter(port: Int) throws -> RequestRouter {
        RequestRouter(
            core: core, audit: try configuration.auditLogPath.map { try AuditLog(path: $0) },
            nodeProxy: NodeLogProxy(transport: transport, token: nodeAgentToken),
            bookmarkInterval: configuration.bookmarkInterval, address: "\(configuration.host):\(port)")
    }

    private func compact() async throws {
        while !Task.isCancelled {
            try await configuration.environment.sleep(configuration.compactionInterval)
            let (store, limit) = (core.store, configuration.historyLimit)
            guard store.revision - store.compacted > limit * 2 else { continue }
            do {
                try await store.compact(upTo: store.revision - limit)
            } catch {
                configuration.logger.error("compaction failed: \(error)")
            }
        }
    }
}
