/// Names of a kind of resource in URLs and in objects.
public struct ResourceType: Hashable, Sendable {
    /// The API group; empty for the core group.
    public var group: String
    public var version: String
    public var kind: String
    /// The plural, lower-case name that URLs carry.
    public var plural: String
    public var isNamespaced: Bool

    public init(group: String = "", version: String, kind: String, plural: String, isNamespaced: Bool = true)
    {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        self.isNamespaced = isNamespaced
    }

    /// `version` for the core group, otherwise `group/version`.
    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// `plural` for the core group, otherwise `plural.group`, as in messages and RBAC.
    public var qualifiedName: String { group.isEmpty ? plural : "\(plural).\(group)" }
}

/// A typed Kubernetes object: its type, its metadata, and its coding as JSON.
///
/// Conforming types hold only the fields that are used, and decoding ignores the others: an object that was
/// read must not be written back whole. Write with apply or patches.
public protocol KubernetesResource: Codable, Sendable {
    static var resourceType: ResourceType { get }
    var metadata: ObjectMeta { get set }
}

extension KubernetesResource {
    public var name: String { metadata.name ?? "" }
    public var namespace: String { metadata.namespace ?? "" }
    public var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
}

/// Namespace and name, which identify an object of a known kind.
public struct ObjectKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The namespace; empty for cluster-scoped objects.
    public var namespace: String
    public var name: String

    public init(namespace: String = "", name: String) {
        self.namespace = namespace
        self.name = name
    }

    public var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

    public static func < (lhs: ObjectKey, rhs: ObjectKey) -> Bool {
        (lhs.namespace, lhs.name) < (rhs.namespace, rhs.name)
    }
}
