import FoundationEssentials

/// `v1` `ConfigMap`
public struct ConfigMap: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(version: "v1", kind: "ConfigMap", plural: "configmaps")

    public var apiVersion: String? = "v1"
    public var kind: String? = "ConfigMap"
    public var metadata: ObjectMeta
    public var data: [String: String]?
    public var immutable: Bool?

    public init(metadata: ObjectMeta, data: [String: String]? = nil, immutable: Bool? = nil) {
        self.metadata = metadata
        self.data = data
        self.immutable = immutable
    }
}

/// `v1` `Secret`; values are base64 on the wire.
public struct Secret: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(version: "v1", kind: "Secret", plural: "secrets")

    public var apiVersion: String? = "v1"
    public var kind: String? = "Secret"
    public var metadata: ObjectMeta
    public var type: String?
    public var data: [String: Data]?

    public init(metadata: ObjectMeta, type: String? = nil, data: [String: Data]? = nil) {
        self.metadata = metadata
        self.type = type
        self.data = data
    }
}

/// `v1` `Namespace`
public struct Namespace: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)

    public var apiVersion: String? = "v1"
    public var kind: String? = "Namespace"
    public var metadata: ObjectMeta
    public var spec: NamespaceSpec?
    public var status: NamespaceStatus?

    public init(metadata: ObjectMeta) { self.metadata = metadata }
}

public struct NamespaceSpec: Codable, Hashable, Sendable {
    public var finalizers: [String]?
}

public struct NamespaceStatus: Codable, Hashable, Sendable {
    /// `Active` or `Terminating`
    public var phase: String?
}

/// `v1` `ServiceAccount`
public struct ServiceAccount: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "ServiceAccount", plural: "serviceaccounts")

    public var apiVersion: String? = "v1"
    public var kind: String? = "ServiceAccount"
    public var metadata: ObjectMeta
    public var automountServiceAccountToken: Bool?

    public init(metadata: ObjectMeta, automountServiceAccountToken: Bool? = nil) {
        self.metadata = metadata
        self.automountServiceAccountToken = automountServiceAccountToken
    }
}
