import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient

/// An API server that Anneal must work with, and that the embedded one must be like.
enum BackEnd: String, Sendable, CaseIterable, CustomStringConvertible {
    /// `APIServer`, in this process.
    case embedded
    /// The embedded server with a history of a few changes: readers that lag behind meet expired versions.
    case forgetful
    /// The unmodified apiextensions-apiserver that `hack/crd-server` starts. It has no core resources.
    case crdServer
    /// A whole kube-apiserver, if `KUBEBUILDER_ASSETS` has one.
    case kubernetes

    var description: String { rawValue }

    /// Environment variable with the kubeconfig of a server that this process did not start; nil for one that
    /// it starts.
    private var variable: String? {
        switch self {
        case .embedded, .forgetful: nil
        case .crdServer: "ANNEAL_CRD_SERVER"
        case .kubernetes: "ANNEAL_KUBE_APISERVER"
        }
    }

    private var kubeconfig: String? {
        variable.flatMap { ProcessInfo.processInfo.environment[$0] }.flatMap { $0.isEmpty ? nil : $0 }
    }

    var isAvailable: Bool { variable == nil || kubeconfig != nil }

    var hasCoreResources: Bool { self != .crdServer }

    /// A client that sends requests as the operator's does.
    func client() async throws -> KubernetesClient { try await client(over: Self.transport) }

    func client(over transport: HTTPTransport) async throws -> KubernetesClient {
        let configuration =
            if let kubeconfig {
                try MergedKubeconfig.load(paths: [kubeconfig]).configuration()
            } else {
                try await (self == .forgetful ? EmbeddedServer.forgetful : .shared).configuration()
            }
        return KubernetesClient(configuration: configuration, transport: transport)
    }

    private static let transport = HTTPTransport(configuration: .controller)
}
