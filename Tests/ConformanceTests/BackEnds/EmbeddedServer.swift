import APIServer
import AdmissionPlugins
import BuiltInKinds
import FoundationEssentials
import HTTPTransport
import KubernetesClient
import Logging

/// The embedded cluster's API server, for all tests of this process.
struct EmbeddedServer: Sendable {
    static let shared = EmbeddedServer(historyLimit: 20_000)
    static let forgetful = EmbeddedServer(historyLimit: 5)

    private let start: Task<ClusterConfiguration, any Error>

    private init(historyLimit: Int64) {
        start = Task {
            let folder = FileManager.default.temporaryDirectory
                .appendingPathComponent("conformance-\(UUID().uuidString)").path
            let logger = Logger(label: "embedded") { _ in SwiftLogNoOpLogHandler() }
            let server = try await APIServer(
                configuration: APIServerConfiguration(
                    stateDirectory: folder, resources: BuiltInResources.definitions,
                    admissionPlugins: AdmissionPlugins.standard(
                        webhooks: WebhookHTTP(HTTPTransport(logger: logger)), environment: .live),
                    historyLimit: historyLimit,
                    compactionInterval: .milliseconds(200), bookmarkInterval: .seconds(1),
                    logger: logger))
            // It serves until the process ends.
            Task { try await server.run() }
            let path = "\(folder)/kubeconfig"
            try await server.writeKubeconfig(to: path)
            return try Kubeconfig.load(paths: [path]).configuration()
        }
    }

    func configuration() async throws -> ClusterConfiguration { try await start.value }
}
