/// `v1` `Endpoints`: the addresses behind a service.
public struct Endpoints: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(version: "v1", kind: "Endpoints", plural: "endpoints")

    public var apiVersion: String? = "v1"
    public var kind: String? = "Endpoints"
    public var metadata: ObjectMeta
    public var subsets: [EndpointSubset]?

    public init(metadata: ObjectMeta, subsets: [EndpointSubset]? = nil) {
        self.metadata = metadata
        self.subsets = subsets
    }
}

public struct EndpointSubset: Codable, Hashable, Sendable {
    public var addresses: [EndpointAddress]?
    public var notReadyAddresses: [EndpointAddress]?
    public var ports: [EndpointPort]?
    public init() {}
}

public struct EndpointAddress: Codable, Hashable, Sendable {
    public var ip: String
    public var hostname: String?
    public var nodeName: String?
    public var targetRef: ObjectReference?
    public init(ip: String) { self.ip = ip }
}

public struct EndpointPort: Codable, Hashable, Sendable {
    public var name: String?
    public var port: Int64
    public var `protocol`: String?
    public init(name: String? = nil, port: Int64, protocol: String? = nil) {
        self.name = name
        self.port = port
        self.protocol = `protocol`
    }
}
