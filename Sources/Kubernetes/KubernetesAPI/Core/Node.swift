/// `v1` `Node`
public struct Node: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "Node", plural: "nodes", isNamespaced: false)

    public var apiVersion: String? = "v1"
    public var kind: String? = "Node"
    public var metadata: ObjectMeta
    public var spec: NodeSpec?
    public var status: NodeStatus?

    public init(metadata: ObjectMeta, spec: NodeSpec? = nil, status: NodeStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

public struct NodeSpec: Codable, Hashable, Sendable {
    public var taints: [Taint]?
    public var unschedulable: Bool?
    public init(taints: [Taint]? = nil, unschedulable: Bool? = nil) {
        self.taints = taints
        self.unschedulable = unschedulable
    }
}

public struct Taint: Codable, Hashable, Sendable {
    public var key: String
    public var value: String?
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`
    public var effect: String
    public var timeAdded: Timestamp?

    public init(key: String, value: String? = nil, effect: String) {
        self.key = key
        self.value = value
        self.effect = effect
    }
}

public struct NodeStatus: Codable, Hashable, Sendable {
    public var capacity: [String: Quantity]?
    public var allocatable: [String: Quantity]?
    public var conditions: [NodeCondition]?
    public var addresses: [NodeAddress]?
    public var daemonEndpoints: NodeDaemonEndpoints?
    public var nodeInfo: [String: String]?
    public init() {}
}

public struct NodeCondition: Codable, Hashable, Sendable {
    public var type: String
    public var status: Condition.Status
    public var reason: String?
    public var message: String?
    public var lastHeartbeatTime: Timestamp?
    public var lastTransitionTime: Timestamp?
    public init(
        type: String, status: Condition.Status, reason: String? = nil, message: String? = nil,
        lastHeartbeatTime: Timestamp? = nil, lastTransitionTime: Timestamp? = nil
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.lastHeartbeatTime = lastHeartbeatTime
        self.lastTransitionTime = lastTransitionTime
    }
}

public struct NodeAddress: Codable, Hashable, Sendable {
    public var type: String
    public var address: String
    public init(type: String, address: String) {
        self.type = type
        self.address = address
    }
}

public struct NodeDaemonEndpoints: Codable, Hashable, Sendable {
    public struct Endpoint: Codable, Hashable, Sendable {
        public var Port: Int64
    }
    public var kubeletEndpoint: Endpoint?
    public init(kubeletPort: Int64) { kubeletEndpoint = Endpoint(Port: kubeletPort) }
}
