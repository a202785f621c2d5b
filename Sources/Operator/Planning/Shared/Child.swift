import KubernetesAPI

/// An object that a run owns, whole, as it is to be created or applied. It may be of any kind, and so a run
/// itself.
public struct Child: Hashable, Sendable {
    /// The object, with its owner in its metadata.
    public let object: any KubernetesResource & Hashable

    /// A child that is the object.
    public init(_ object: some KubernetesResource & Hashable) { self.object = object }

    /// The object as one of a kind; nil if it is of another.
    public func of<R: KubernetesResource>(_ type: R.Type) -> R? { object as? R }

    /// Kind of the object.
    public var type: ResourceType { Swift.type(of: object).resourceType }
    public var metadata: ObjectMeta { object.metadata }
    public var key: ObjectKey { object.key }
    /// Kind and name, by which effects name what they need.
    public var identity: ChildIdentity { ChildIdentity(type: type, key: key) }

    /// The very object, as a delete has to name it; nil before it has a UID.
    public var reference: ChildReference? {
        metadata.uid.map { ChildReference(type: type, key: key, uid: $0) }
    }

    public static func == (lhs: Child, rhs: Child) -> Bool {
        AnyHashable(lhs.object) == AnyHashable(rhs.object)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(object)) }
}

/// A child by kind and name, whether it exists or not.
public struct ChildIdentity: Hashable, Sendable, CustomStringConvertible {
    public var type: ResourceType
    public var key: ObjectKey

    public init(type: ResourceType, key: ObjectKey) {
        self.type = type
        self.key = key
    }

    public var description: String { "\(type.kind) \(key.name)" }
}

/// One existing child, by name and UID.
public struct ChildReference: Hashable, Sendable {
    public var type: ResourceType
    public var key: ObjectKey
    public var uid: String

    public init(type: ResourceType, key: ObjectKey, uid: String) {
        self.type = type
        self.key = key
        self.uid = uid
    }

    /// Kind and name.
    public var identity: ChildIdentity { ChildIdentity(type: type, key: key) }
}
