import APIServer
import FoundationEssentials
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
            let server = try await APIServer(
                configuration: APIServerConfiguration(
                    stateDirectory: folder, historyLimit: historyLimit,
                    compactionInterval: .milliseconds(200), bookmarkInterval: .seconds(1),
                    logger: Logger(label: "embedded") { _ in SwiftLogNoOpLogHandler() }))
            // The server runs until the process ends.
            Task { try await server.run() }
            let path = "\(folder)/kubeconfig"
            try await server.writeKubeconfig(to: path)
            return try MergedKubeconfig.load(paths: [path]).configuration()
        }
    }

    func configuration() async throws -> ClusterConfiguration { try await start.value }
}
