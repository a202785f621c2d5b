/// `v1` `ResourceQuota`
public struct ResourceQuota: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "ResourceQuota", plural: "resourcequotas")

    public var apiVersion: String? = "v1"
    public var kind: String? = "ResourceQuota"
    public var metadata: ObjectMeta
    public var spec: ResourceQuotaSpec?
    public var status: ResourceQuotaStatus?

    public init(metadata: ObjectMeta, spec: ResourceQuotaSpec? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}

public struct ResourceQuotaSpec: Codable, Hashable, Sendable {
    public var hard: [String: Quantity]?
    public init(hard: [String: Quantity]? = nil) { self.hard = hard }
}

public struct ResourceQuotaStatus: Codable, Hashable, Sendable {
    public var hard: [String: Quantity]?
    public var used: [String: Quantity]?
    public init(hard: [String: Quantity]? = nil, used: [String: Quantity]? = nil) {
        self.hard = hard
        self.used = used
    }
}
