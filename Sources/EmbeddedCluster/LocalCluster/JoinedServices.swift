import ClusterControllers
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import NodeAgent
import ServiceLifecycle

/// Parts of the embedded cluster, joined to another API server.
public enum JoinedServices {
    /// A node agent alone.
    public static func node(
        _ description: NodeDescription, stateFolder: String, images: ImageMap,
        logReaders: LogReaders, allowsHostPath: Bool, podNetwork: UInt8?, kubeconfig: String?, logger: Logger
    ) throws -> any ServiceLifecycle.Service {
        let cluster = try configuration(kubeconfig)
        guard NodeLayout.isName(description.name) else {
            throw LocalClusterError(
                "--name \"\(description.name)\" is no node name; "
                    + "use lower-case letters, digits, '-' and '.', at most 63 characters"
            )
        }
        let transport = HTTPTransport(logger: logger)
        var node = NodeConfiguration(
            name: description.name, stateFolder: "\(stateFolder)/nodes/\(description.name)", images: images)
        node.labels = description.labels ?? [:]
        node.taints = description.taints ?? []
        node.capacity.merge(description.capacity ?? [:]) { _, given in given }
        node.logReaders = logReaders
        node.allowsHostPath = allowsHostPath
        if let podNetwork { node.podNetwork = podNetwork }
        node.apiServer = hostAndPort(cluster.server)
        let client = KubernetesClient(
            configuration: cluster, transport: transport, userAgent: "anneal-local", logger: logger)
        return NodeAgent(configuration: node, client: client, transport: transport, logger: logger)
    }

    /// Controllers alone, for a control plane that lacks them.
    public static func controllers(
        _ names: Set<ClusterControllers.Name>, volumesFolder: String, kubeconfig: String?, logger: Logger
    ) throws -> any ServiceLifecycle.Service {
        let cluster = try configuration(kubeconfig)
        let transport = HTTPTransport(logger: logger)
        let client = KubernetesClient(
            configuration: cluster, transport: transport, userAgent: "anneal-local", logger: logger)
        var configuration = ClusterControllers.Configuration(
            volumesFolder: volumesFolder,
            certificateAuthority: cluster.tls.certificateAuthority.map { String(decoding: $0, as: UTF8.self) }
        )
        configuration.controllers = names
        return ClusterControllers(configuration: configuration, client: client, logger: logger)
    }

    private static func configuration(_ kubeconfig: String?) throws -> ClusterConfiguration {
        guard let kubeconfig else { return try ClusterConfiguration.resolve() }
        do {
            return try MergedKubeconfig.load(paths: [kubeconfig]).configuration()
        } catch {
            throw LocalClusterError("--kubeconfig \(kubeconfig): \(error)")
        }
    }

    /// Host and port of an address such as `https://host:port`; nil if it has no host.
    static func hostAndPort(_ server: String) -> (host: String, port: Int)? {
        guard let url = URL(string: server), let host = url.host() else { return nil }
        return (host, url.port ?? (url.scheme == "http" ? 80 : 443))
    }
}
