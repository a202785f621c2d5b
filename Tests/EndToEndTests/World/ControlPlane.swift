import Foundation

/// Upstream's own programs on loopback, with certificates and role-based access of their own; `anneal-local
/// node` runs the pods.
final class ControlPlane: ClusterServers {
    let kubeconfig: URL
    let auditLog: URL?
    private let assets: URL
    private let files: URL
    private let folder: TemporaryFolder
    private let ports: (client: Int, peer: Int, server: Int)
    private let installation: Installation
    private let logs: @Sendable (String) -> URL
    private let nodes: JoinedNodes
    private let etcd = BackgroundSlot()
    private let apiServer = BackgroundSlot()
    private let controllers = BackgroundSlot()
    private let scheduler = BackgroundSlot()

    init(_ assets: URL, _ name: String, _ servers: Servers, folder: TemporaryFolder) throws {
        let files = folder.file("files")
        self.assets = assets
        self.folder = folder
        self.files = files
        installation = servers.installation
        ports = (try freePort(), try freePort(), try freePort())
        kubeconfig = files.appendingPathComponent("admin.kubeconfig")
        auditLog = folder.file("audit.jsonl")
        let logs = servers.logs
        self.logs = { logs.appendingPathComponent("\(name)-\($0).log") }
        nodes = JoinedNodes(
            name, servers, folder: folder, administrator: kubeconfig,
            kubeconfig: { files.appendingPathComponent("\($0).kubeconfig") },
            logFlags: [
                "--log-certificate", files.appendingPathComponent("kubelet.crt").path,
                "--log-key", files.appendingPathComponent("kubelet.key").path,
                "--log-client-authority", files.appendingPathComponent("ca.crt").path,
            ])
    }

    func start() async throws {
        if !FileManager.default.fileExists(atPath: kubeconfig.path) {
            let script = installation.fixture("control_plane_files.sh").path
            let arguments = [script, files.path, "https://127.0.0.1:\(ports.server)"] + JoinedNodes.names
            let result = try await Program(path: "/bin/bash").run(arguments)
            guard result.succeeded else { throw ProgramFailure(command: script, result: result) }
        }
        try etcd.start(try program("etcd"), etcdArguments, log: logs("etcd"))
        // The API server gives up after twenty seconds without etcd.
        _ = try await eventually("etcd") { answers(ports.client) ? true : nil }
        try apiServer.start(try program("kube-apiserver"), serverArguments, log: logs("apiserver"))
    }

    func join(_ kubectl: Program) async throws {
        try controllers.keep(
            try program("kube-controller-manager"), controllerArguments, log: logs("controller-manager"))
        try startScheduler()
        let role = installation.fixture("node_role.yaml").path
        try await kubectl("apply", "-f", role)
        try await nodes.start(kubectl)
    }

    /// Starts upstream's scheduler or, if it is missing, ours.
    private func startScheduler() throws {
        if let program = try? program("kube-scheduler") {
            let arguments = [
                "--kubeconfig", file("scheduler.kubeconfig"), "--leader-elect=false", "--secure-port", "0",
            ]
            try scheduler.keep(program, arguments, log: logs("scheduler"))
        } else {
            let arguments = ["controllers", "--controller", "scheduler", "--kubeconfig", kubeconfig.path]
            try scheduler.keep(try installation.own("anneal-local"), arguments, log: logs("scheduler"))
        }
    }

    func kill() async {
        await apiServer.kill()
        await etcd.kill()
    }

    func stop() async {
        await nodes.stop()
        for slot in [scheduler, controllers, apiServer, etcd] { await slot.stop(within: .seconds(20)) }
    }

    private func program(_ name: String) throws -> Program {
        let path = assets.appendingPathComponent(name).path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Installation.Missing(path: path, remedy: "put it there, or choose another back end")
        }
        return Program(path: path)
    }

    private func file(_ name: String) -> String { files.appendingPathComponent(name).path }

    private var etcdArguments: [String] {
        let (client, peer) = ("http://127.0.0.1:\(ports.client)", "http://127.0.0.1:\(ports.peer)")
        return [
            "--data-dir", folder.file("etcd").path, "--listen-client-urls", client, "--advertise-client-urls",
            client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster",
            "default=\(peer)", "--log-level", "warn",
        ]
    }

    private var serverArguments: [String] {
        [
            "--etcd-servers", "http://127.0.0.1:\(ports.client)", "--bind-address", "127.0.0.1",
            "--advertise-address", "127.0.0.1", "--endpoint-reconciler-type", "none",
            "--secure-port", "\(ports.server)", "--service-cluster-ip-range", "10.0.0.0/24",
            "--tls-cert-file", file("server.crt"), "--tls-private-key-file", file("server.key"),
            "--client-ca-file", file("ca.crt"), "--authorization-mode", "Node,RBAC",
            "--enable-admission-plugins", "NodeRestriction,OwnerReferencesPermissionEnforcement",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-signing-key-file", file("accounts.key"),
            "--service-account-key-file", file("accounts.pub"),
            "--kubelet-certificate-authority", file("ca.crt"),
            "--kubelet-client-certificate", file("logs.crt"), "--kubelet-client-key", file("logs.key"),
            "--kubelet-preferred-address-types", "InternalIP",
            "--audit-policy-file", file("audit-policy.yaml"), "--audit-log-path", auditLog?.path ?? "-",
            "--audit-log-maxsize", "10000",
        ]
    }

    private var controllerArguments: [String] {
        [
            "--kubeconfig", file("controller-manager.kubeconfig"), "--use-service-account-credentials",
            "--service-account-private-key-file", file("accounts.key"), "--root-ca-file", file("ca.crt"),
            "--leader-elect=false", "--secure-port", "0",
        ]
    }
}
