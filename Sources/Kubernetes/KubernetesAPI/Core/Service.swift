/// `v1` `Service`
public struct Service: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(version: "v1", kind: "Service", plural: "services")

    public var apiVersion: String? = "v1"
    public var kind: String? = "Service"
    public var metadata: ObjectMeta
    public var spec: ServiceSpec?

    public init(metadata: ObjectMeta, spec: ServiceSpec? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}

public struct ServiceSpec: Codable, Hashable, Sendable {
    public var selector: [String: String]?
    /// `None` makes it headless.
    public var clusterIP: String?
    public var type: String?
    public var publishNotReadyAddresses: Bool?
    /// Whether a load balancer's ports take ports of the nodes, too; nil means yes.
    public var allocateLoadBalancerNodePorts: Bool?
    public var ports: [ServicePort]?

    public init(
        selector: [String: String]? = nil, clusterIP: String? = nil, publishNotReadyAddresses: Bool? = nil,
        ports: [ServicePort]? = nil
    ) {
        self.selector = selector
        self.clusterIP = clusterIP
        self.publishNotReadyAddresses = publishNotReadyAddresses
        self.ports = ports
    }
}

public struct ServicePort: Codable, Hashable, Sendable {
    public var name: String?
    public var port: Int64
    public var `protocol`: String?
    public var targetPort: IntOrString?
    /// Port of every node that leads to this port; nil if there is none.
    public var nodePort: Int64?

    public init(name: String? = nil, port: Int64, protocol: String? = nil, targetPort: IntOrString? = nil) {
        self.name = name
        self.port = port
        self.protocol = `protocol`
        self.targetPort = targetPort
    }
}
