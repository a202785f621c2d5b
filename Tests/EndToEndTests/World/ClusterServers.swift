import Foundation

/// The programs of a cluster on one back end.
protocol ClusterServers: Sendable {
    /// Kubeconfig with all rights.
    var kubeconfig: URL { get }
    /// File with one line of JSON for each request; nil if the back end has none.
    var auditLog: URL? { get }

    /// Starts the programs that are not running.
    func start() async throws
    /// Starts the programs that need an API server that answers, such as nodes.
    func join(_ kubectl: Program) async throws
    /// Kills the API server and its storage with SIGKILL.
    func kill() async
    func stop() async
}

/// `anneal-local up`, which is one process.
final class EmbeddedServers: ClusterServers {
    let kubeconfig: URL
    let auditLog: URL?
    private let program: Program
    private let arguments: [String]
    private let log: URL
    private let process = BackgroundSlot()

    init(_ name: String, _ servers: Servers, folder: TemporaryFolder) throws {
        let auditLog = folder.file("audit.jsonl")
        kubeconfig = folder.file("kubeconfig")
        self.auditLog = auditLog
        program = try servers.installation.own("anneal-local")
        log = servers.logs.appendingPathComponent("\(name)-cluster.log")
        arguments = [
            "up", "--state", folder.file("state").path, "--images", folder.file("images.yaml").path,
            "--kubeconfig", kubeconfig.path, "--audit-log", auditLog.path,
        ]
    }

    func start() async throws { try process.start(program, arguments, log: log) }

    func join(_ kubectl: Program) async throws {}

    func kill() async { await process.kill() }

    func stop() async { await process.stop(within: .seconds(30)) }
}

/// An existing cluster. Without `ANNEAL_E2E_JOIN_NODES` nothing is started.
final class GivenServers: ClusterServers {
    let kubeconfig: URL
    let auditLog: URL? = nil
    private let nodes: JoinedNodes

    init(_ kubeconfig: URL, _ name: String, _ servers: Servers, folder: TemporaryFolder) throws {
        self.kubeconfig = kubeconfig
        nodes = JoinedNodes(
            name, servers, folder: folder, administrator: kubeconfig, kubeconfig: { _ in kubeconfig })
    }

    func start() async throws {}

    func join(_ kubectl: Program) async throws {
        if try Backend.chosen().offers(.fixturePods) { try await nodes.start(kubectl) }
    }

    func kill() async {}

    func stop() async { await nodes.stop() }
}
