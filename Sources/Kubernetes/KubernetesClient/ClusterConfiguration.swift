import FoundationEssentials
import HTTPTransport
import KubernetesAPI

/// Address of an API server, and credentials for it.
public struct ClusterConfiguration: Hashable, Sendable {
    public enum Credentials: Hashable, Sendable {
        case none
        case token(String)
        /// A file that is read again when it may have changed: the kubelet replaces it.
        case tokenFile(path: String)
        case basic(username: String, password: String)
        /// PEM
        case clientCertificate(certificate: Data, key: Data)
        /// PEM files, read again when they may have changed.
        case clientCertificateFiles(certificate: String, key: String)
        case exec(ExecPlugin)
    }

    /// `https://host:port`, without a slash at the end.
    public var server: String
    /// Namespace of requests for namespaced objects that name none.
    public var namespace: String
    public var tls: TLSOptions
    /// Path of a file of certificate authorities, read again when it may have changed; replaces those in
    /// `tls`.
    public var certificateAuthorityFile: String?
    public var credentials: Credentials

    public init(
        server: String, namespace: String = "default", tls: TLSOptions = TLSOptions(),
        certificateAuthorityFile: String? = nil, credentials: Credentials = .none
    ) {
        var server = server
        while server.hasSuffix("/") { server.removeLast() }
        self.server = server
        self.namespace = namespace
        self.tls = tls
        self.certificateAuthorityFile = certificateAuthorityFile
        self.credentials = credentials
    }

    /// A program that answers with credentials (`client.authentication.k8s.io`, v1 or v1beta1).
    public struct ExecPlugin: Hashable, Sendable {
        public var apiVersion: String
        public var command: String
        public var arguments: [String]
        public var environment: [String: String]
        /// Text for the user if the program cannot be run; nil for none.
        public var installHint: String?

        public init(
            apiVersion: String = "client.authentication.k8s.io/v1", command: String, arguments: [String] = [],
            environment: [String: String] = [:], installHint: String? = nil
        ) {
            self.apiVersion = apiVersion
            self.command = command
            self.arguments = arguments
            self.environment = environment
            self.installHint = installHint
        }
    }
}

extension ClusterConfiguration {
    /// The service account's files that the kubelet mounts into each container.
    public static let serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// The configuration of a process inside a pod.
    public static func inCluster(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        directory: String = serviceAccountDirectory
    ) throws(KubernetesError) -> ClusterConfiguration {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty
        else {
            throw .configuration(
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this process does not run in a pod"
            )
        }
        let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let namespace = try? String(contentsOfFile: directory + "/namespace", encoding: .utf8)
        let token = directory + "/token"
        guard FileManager.default.isReadableFile(atPath: token) else {
            throw .configuration(
                "\(token) cannot be read: give the pod a service account with automountServiceAccountToken: true"
            )
        }
        return ClusterConfiguration(
            server: "https://\(authority)",
            namespace: namespace.map { $0.filter { !$0.isWhitespace } } ?? "default",
            certificateAuthorityFile: directory + "/ca.crt", credentials: .tokenFile(path: token))
    }

    /// The configuration that `kubectl` would use: the files named by `KUBECONFIG`, else `~/.kube/config`. If
    /// none of them exists: the pod's service account.
    public static func resolve(
        context: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(KubernetesError) -> ClusterConfiguration {
        let paths = MergedKubeconfig.paths(environment: environment)
        if paths.contains(where: { FileManager.default.fileExists(atPath: $0) }) {
            return try MergedKubeconfig.load(paths: paths).configuration(context: context)
        }
        do throws(KubernetesError) {
            return try inCluster(environment: environment)
        } catch {
            throw .configuration(
                "no cluster is configured: set KUBECONFIG, or write \(paths.joined(separator: ", ")) (\(error))"
            )
        }
    }
}
