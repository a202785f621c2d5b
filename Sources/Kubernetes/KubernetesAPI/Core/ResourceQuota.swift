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
    /// Kinds of pods that the quota is about, such as `BestEffort`; nil means all objects.
    public var scopes: [String]?
    /// Further conditions, which must hold together with `scopes`.
    public var scopeSelector: ScopeSelector?
    public init(
        hard: [String: Quantity]? = nil, scopes: [String]? = nil, scopeSelector: ScopeSelector? = nil
    ) {
        self.hard = hard
        self.scopes = scopes
        self.scopeSelector = scopeSelector
    }
}

public struct ScopeSelector: Codable, Hashable, Sendable {
    public var matchExpressions: [ScopedRequirement]?
    public init(matchExpressions: [ScopedRequirement]?) { self.matchExpressions = matchExpressions }
}

/// `ScopedResourceSelectorRequirement`
public struct ScopedRequirement: Codable, Hashable, Sendable {
    /// `Terminating`, `NotTerminating`, `BestEffort`, `NotBestEffort`, `PriorityClass`,
    /// `CrossNamespacePodAffinity`
    public var scopeName: String
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`
    public var `operator`: String
    public var values: [String]?
    public init(scopeName: String, operator: String, values: [String]? = nil) {
        self.scopeName = scopeName
        self.operator = `operator`
        self.values = values
    }
}

public struct ResourceQuotaStatus: Codable, Hashable, Sendable {
    public var hard: [String: Quantity]?
    public var used: [String: Quantity]?
    public init(hard: [String: Quantity]? = nil, used: [String: Quantity]? = nil) {
        self.hard = hard
        self.used = used
    }
}
