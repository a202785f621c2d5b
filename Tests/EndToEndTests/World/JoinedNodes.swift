import Foundation

/// `anneal-local node` and the provisioner of volumes, joined to an API server.
struct JoinedNodes: Sendable {
    /// Names of the nodes, as in `anneal-local up`.
    static let names = ["cpu-1", "gpu-1", "gpu-2"]

    let name: String
    let servers: Servers
    let folder: TemporaryFolder
    let administrator: URL
    /// Kubeconfig of a node.
    let kubeconfig: @Sendable (String) -> URL
    /// Flags for reading logs: `--log-certificate` and the like.
    let logFlags: [String]
    private let processes: [BackgroundSlot]

    init(
        _ name: String, _ servers: Servers, folder: TemporaryFolder, administrator: URL,
        kubeconfig: @escaping @Sendable (String) -> URL, logFlags: [String] = []
    ) {
        self.name = name
        self.servers = servers
        self.folder = folder
        self.administrator = administrator
        self.kubeconfig = kubeconfig
        self.logFlags = logFlags
        processes = (0...Self.names.count).map { _ in BackgroundSlot() }
    }

    func start(_ kubectl: Program) async throws {
        let program = try servers.installation.own("anneal-local")
        for (slot, node) in zip(processes, Self.names) {
            try slot.start(program, arguments(node), log: log(node))
        }
        try processes.last?.start(
            program,
            [
                "controllers", "--controller", "provisioner", "--kubeconfig", administrator.path, "--volumes",
                folder.file("volumes").path,
            ], log: log("volumes"))
        _ = try await eventually("nodes and a storage class") {
            try await kubectl("get", "storageclass/standard", "node/cpu-1", "node/gpu-1", "node/gpu-2")
        }
        try await kubectl("wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all")
    }

    func stop() async {
        for slot in processes { await slot.stop(within: .seconds(30)) }
    }

    private func log(_ part: String) -> URL {
        servers.logs.appendingPathComponent("\(name)-\(part).log")
    }

    private func arguments(_ node: String) -> [String] {
        var arguments = [
            "node", "--name", node, "--kubeconfig", kubeconfig(node).path, "--state",
            folder.file("state").path, "--images", folder.file("images.yaml").path, "--capacity", "cpu=64",
        ]
        if node.hasPrefix("gpu") {
            arguments += [
                "--gpus", "4", "--taint", "nvidia.com/gpu=present:NoSchedule", "--label",
                "nvidia.com/gpu.present=true", "--label", "nvidia.com/gpu.product=h100", "--label",
                "anneal.dev/gpu-type=h100",
            ]
        }
        let capacity = node == "gpu-2" ? "spot" : "on-demand"
        return arguments + ["--label", "anneal.dev/capacity-type=\(capacity)"] + logFlags
    }
}
