import FoundationEssentials
import KubernetesAPI

/// Properties of one node, and settings for running its pods.
public struct NodeConfiguration: Sendable {
    public var name: String
    public var labels: [String: String]
    public var taints: [Taint]
    /// `cpu`, `memory`, `pods`, `ephemeral-storage`, and `nvidia.com/gpu` if the node has any (or pretends
    /// to).
    public var capacity: [String: Quantity]
    /// Folder that survives restarts of the agent: pods, their volumes and logs.
    public var stateFolder: String
    public var images: ImageMap
    /// Whether pods may have `hostPath` volumes; without it they are refused.
    public var allowsHostPath: Bool
    /// Second octet of the pods' loopback addresses, 127.x.y.z; one for each node of a machine.
    public var podNetwork: UInt8
    /// Values of `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` in containers; nil: not set.
    public var apiServer: (host: String, port: Int)?
    public var logReaders: LogReaders
    /// Port of the log server; 0 for any free one.
    public var logPort: Int
    public var bubblewrap: String
    /// Bytes beyond which a log is rotated; one older part is kept.
    public var maximumLogBytes: Int64
    /// Time between two looks at a pod's processes.
    public var pollInterval: Duration
    public var leaseInterval: Duration
    /// Whether a graceful stop of the agent ends its pods, as the graceful shutdown of a node does.
    public var stopsPodsOnShutdown: Bool

    public init(name: String, stateFolder: String, images: ImageMap = ImageMap()) {
        self.name = name
        self.stateFolder = stateFolder
        self.images = images
        labels = [:]
        taints = []
        capacity = Self.hostCapacity
        allowsHostPath = false
        podNetwork = 16 + UInt8(name.utf8.reduce(UInt64(5381)) { ($0 &* 33) ^ UInt64($1) } % 200)
        apiServer = nil
        logReaders = LogReaders()
        logPort = 0
        bubblewrap = "/usr/bin/bwrap"
        maximumLogBytes = 10 << 20
        pollInterval = .milliseconds(100)
        leaseInterval = .seconds(10)
        stopsPodsOnShutdown = true
    }

    /// Capacity of this machine, without GPUs.
    public static var hostCapacity: [String: Quantity] {
        var capacity = [
            "pods": Quantity(110), "cpu": Quantity(Int64(ProcessInfo.processInfo.activeProcessorCount)),
        ]
        let memory = Int64(clamping: ProcessInfo.processInfo.physicalMemory)
        capacity["memory"] = Quantity("\(memory / 1024)Ki")
        capacity["ephemeral-storage"] = Quantity("100Gi")
        return capacity
    }
}
