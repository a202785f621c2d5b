import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import Synchronization

/// Registers the Node and keeps its Lease renewed: while it does, the cluster holds the node to be alive.
struct NodeRegistration: Sendable {
    let configuration: NodeConfiguration
    let client: KubernetesClient
    let clock: NodeClock
    let logger: Logger

    private static let leaseNamespace = "kube-node-lease"

    /// Registers the node; repeats it until it succeeds or the task is cancelled.
    func register(logPort: Int) async throws {
        while true {
            do {
                try await attempt(logPort: logPort)
                return
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.warning(
                    "node could not be registered; it is tried again", metadata: ["error": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func attempt(logPort: Int) async throws {
        let key = ObjectKey(name: configuration.name)
        do {
            let node = try await client.get(Node.self, key)
            try await adjust(node)
        } catch let error as KubernetesError where error.isNotFound {
            var node = Node(metadata: ObjectMeta(name: configuration.name, labels: labels))
            node.spec = NodeSpec(taints: configuration.taints.isEmpty ? nil : configuration.taints)
            try await client.create(node)
        }
        try await renew()
        let status = try JSONValue(encoding: status(logPort: logPort))
        _ = try await client.patch(Node.self, key, .strategic(["status": status]), subresource: "status")
    }

    private var labels: [String: String] {
        configuration.labels.merging(
            [
                "kubernetes.io/hostname": configuration.name, "kubernetes.io/os": "linux",
                "kubernetes.io/arch": Self.architecture,
            ]
        ) { given, _ in given }
    }

    /// Updates labels and taints of a node that was registered before; those of others stay.
    private func adjust(_ node: Node) async throws {
        let own = labels.filter { node.metadata.labels?[$0.key] != $0.value }
        let missing = configuration.taints.filter { taint in
            !(node.spec?.taints ?? []).contains {
                $0.key == taint.key && $0.effect == taint.effect && $0.value == taint.value
            }
        }
        guard !own.isEmpty || !missing.isEmpty else { return }
        var patch: JSONValue = ["metadata": ["labels": try JSONValue(encoding: own)]]
        if !missing.isEmpty {
            patch[path: ["spec", "taints"]] = try JSONValue(encoding: (node.spec?.taints ?? []) + missing)
        }
        _ = try await client.patch(Node.self, node.key, .merge(patch))
    }

    private func status(logPort: Int) -> NodeStatus {
        let now = clock.now
        func condition(_ type: String, _ holds: Bool, _ reason: String, _ message: String) -> NodeCondition {
            NodeCondition(
                type: type, status: holds ? .true : .false, reason: reason, message: message,
                lastHeartbeatTime: now, lastTransitionTime: now)
        }
        var status = NodeStatus()
        status.capacity = configuration.capacity
        status.allocatable = configuration.capacity
        status.addresses = [
            NodeAddress(type: "InternalIP", address: NodeContext.hostIP),
            NodeAddress(type: "Hostname", address: configuration.name),
        ]
        status.daemonEndpoints = NodeDaemonEndpoints(kubeletPort: Int64(logPort))
        status.conditions = [
            condition(
                "MemoryPressure", false, "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available"),
            condition("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition(
                "PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", true, "KubeletReady", "kubelet is posting ready status"),
        ]
        status.nodeInfo = [
            "architecture": Self.architecture, "operatingSystem": "linux", "kubeletVersion": "v1.36.0-anneal",
            "containerRuntimeVersion": "bubblewrap://local", "osImage": Self.osImage,
            "kernelVersion": Self.kernel,
            "bootID": Self.file("/proc/sys/kernel/random/boot_id"), "machineID": Self.file("/etc/machine-id"),
            "systemUUID": Self.file("/etc/machine-id"), "kubeProxyVersion": "",
        ]
        return status
    }

    /// Renews the Lease, or creates it.
    func renew() async throws {
        let key = ObjectKey(namespace: Self.leaseNamespace, name: configuration.name)
        let milliseconds = clock.milliseconds()
        let time = MicroTime(seconds: milliseconds / 1000, microseconds: milliseconds % 1000 * 1000)
        do {
            let patch: JSONValue = [
                "spec": [
                    "renewTime": .string(time.description), "holderIdentity": .string(configuration.name),
                ]
            ]
            _ = try await client.patch(Lease.self, key, .merge(patch))
        } catch {
            guard error.isNotFound else { throw error }
            var lease = Lease(metadata: ObjectMeta(name: configuration.name, namespace: Self.leaseNamespace))
            lease.spec = LeaseSpec()
            lease.spec?.holderIdentity = configuration.name
            lease.spec?.leaseDurationSeconds = 40
            lease.spec?.renewTime = time
            try await client.create(lease)
        }
    }

    /// Renews the Lease, and restores the node's readiness if it was taken away, until cancelled.
    func keepAlive(logPort: Int, ready: @Sendable () -> Bool?) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.leaseInterval)
            guard !Task.isCancelled else { return }
            do {
                try await renew()
                // The node controller declared the node lost, or somebody deleted it.
                if ready() != true { try await attempt(logPort: logPort) }
            } catch {
                logger.warning("the node's lease could not be renewed", metadata: ["error": "\(error)"])
            }
        }
    }

    private static func file(_ path: String) -> String {
        (ProcessTable.read(path, limit: 4096) ?? "").split(separator: "\n").first.map(String.init) ?? ""
    }

    private static var kernel: String { file("/proc/sys/kernel/osrelease") }

    private static var osImage: String {
        let line = (ProcessTable.read("/etc/os-release", limit: 1 << 16) ?? "").split(separator: "\n")
            .first { $0.hasPrefix("PRETTY_NAME=") }
        return line.map { String($0.dropFirst("PRETTY_NAME=".count)).filter { $0 != "\"" } } ?? "linux"
    }

    #if arch(arm64)
    private static let architecture = "arm64"
    #else
    private static let architecture = "amd64"
    #endif
}
