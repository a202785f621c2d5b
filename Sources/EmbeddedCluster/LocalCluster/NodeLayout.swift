import FoundationEssentials
import KubernetesAPI
import NodeAgent
import Yams

/// An error in a file or flag, with its value and the remedy.
public struct LocalClusterError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// One pretended node of the embedded cluster.
public struct NodeDescription: Codable, Hashable, Sendable {
    public var name: String
    public var labels: [String: String]?
    public var taints: [Taint]?
    /// Capacity beyond the machine's: `nvidia.com/gpu: 4`, or a larger `cpu`.
    public var capacity: [String: Quantity]?

    public init(
        name: String, labels: [String: String]? = nil, taints: [Taint]? = nil,
        capacity: [String: Quantity]? = nil
    ) {
        self.name = name
        self.labels = labels
        self.taints = taints
        self.capacity = capacity
    }
}

/// The nodes of an embedded cluster.
public enum NodeLayout {
    /// A CPU node and GPU nodes; the last of these is a spot node.
    public static func standard(gpuNodes: Int, gpusPerNode: Int, gpuType: String = "h100")
        -> [NodeDescription]
    {
        let cpu = NodeDescription(
            name: "cpu-1",
            labels: ["anneal.dev/capacity-type": "on-demand", "node.kubernetes.io/instance-type": "cpu"],
            capacity: ["cpu": Quantity(64)])
        let gpus = (0..<max(0, gpuNodes)).map { index in
            let isSpot = gpuNodes > 1 && index == gpuNodes - 1
            return NodeDescription(
                name: "gpu-\(index + 1)",
                labels: [
                    "nvidia.com/gpu.present": "true", "nvidia.com/gpu.product": gpuType,
                    "anneal.dev/gpu-type": gpuType, "anneal.dev/capacity-type": isSpot ? "spot" : "on-demand",
                ],
                taints: [Taint(key: "nvidia.com/gpu", value: "present", effect: "NoSchedule")],
                capacity: ["nvidia.com/gpu": Quantity(Int64(gpusPerNode)), "cpu": Quantity(64)])
        }
        return [cpu] + gpus
    }

    /// Reads `nodes: [{name, labels, taints, capacity}]`, YAML or JSON.
    public static func load(_ path: String) throws(LocalClusterError) -> [NodeDescription] {
        struct File: Decodable { var nodes: [NodeDescription] }
        let file: File = try FlagFile.decode(
            path, flag: "--nodes", example: "nodes: [{name: cpu-1}]")
        var seen: Set<String> = []
        for node in file.nodes {
            guard isName(node.name) else {
                throw LocalClusterError(
                    "--nodes \(path): nodes[].name \"\(node.name)\" is no node name; "
                        + "use lower-case letters, digits, "
                        + "'-' and '.', at most 63 characters")
            }
            guard seen.insert(node.name).inserted else {
                throw LocalClusterError(
                    "--nodes \(path): nodes[].name \"\(node.name)\" occurs twice; rename one of the two")
            }
        }
        guard !file.nodes.isEmpty else {
            throw LocalClusterError(
                "--nodes \(path): nodes is empty; list at least one, such as nodes: [{name: cpu-1}]")
        }
        return file.nodes
    }

    /// Second octet of a node's pod addresses. Clusters of one machine share its loopback interface, so each
    /// begins at another one.
    static func podNetwork(ofNode index: Int, stateFolder: String) -> UInt8 {
        let hash = stateFolder.utf8.reduce(UInt64(5381)) { ($0 &* 33) ^ UInt64($1) }
        return UInt8(16 + (hash % 200 + UInt64(index)) % 200)
    }

    static func isName(_ name: String) -> Bool {
        let isAllowed = name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: ".")
        }
        return isAllowed && !name.isEmpty && name.utf8.count <= 63 && name.first?.isPunctuation == false
            && name.last?.isPunctuation == false
    }
}
