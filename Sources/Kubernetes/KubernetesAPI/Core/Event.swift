/// `events.k8s.io/v1` `Event`
public struct Event: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        group: "events.k8s.io", version: "v1", kind: "Event", plural: "events")

    public var apiVersion: String? = "events.k8s.io/v1"
    public var kind: String? = "Event"
    public var metadata: ObjectMeta
    public var eventTime: MicroTime?
    public var series: EventSeries?
    public var reportingController: String?
    public var reportingInstance: String?
    public var action: String?
    /// CamelCase
    public var reason: String?
    public var regarding: ObjectReference?
    public var related: ObjectReference?
    /// Text of at most 1,024 bytes.
    public var note: String?
    /// `Normal` or `Warning`
    public var type: String?
    /// Times and count of an event that its reporter wrote as `v1`, as kubelets do; such a one has no `eventTime`
    /// and no `series`.
    public var deprecatedFirstTimestamp: Timestamp?
    public var deprecatedLastTimestamp: Timestamp?
    public var deprecatedCount: Int64?

    public init(metadata: ObjectMeta) { self.metadata = metadata }
}

public struct EventSeries: Codable, Hashable, Sendable {
    public var count: Int64
    public var lastObservedTime: MicroTime
    public init(count: Int64, lastObservedTime: MicroTime) {
        self.count = count
        self.lastObservedTime = lastObservedTime
    }
}

public struct ObjectReference: Codable, Hashable, Sendable {
    public var apiVersion: String?
    public var kind: String?
    public var namespace: String?
    public var name: String?
    public var uid: String?
    public var resourceVersion: String?
    public var fieldPath: String?

    public init(
        apiVersion: String? = nil, kind: String? = nil, namespace: String? = nil, name: String? = nil,
        uid: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
    }
}

extension KubernetesResource {
    /// A reference to this object, as events carry it.
    public var reference: ObjectReference {
        ObjectReference(
            apiVersion: Self.resourceType.apiVersion, kind: Self.resourceType.kind,
            namespace: metadata.namespace, name: metadata.name, uid: metadata.uid)
    }

    /// A controlling owner reference to this object; nil before it has a UID.
    public var controllerReference: OwnerReference? {
        guard let name = metadata.name, let uid = metadata.uid else { return nil }
        return OwnerReference(
            apiVersion: Self.resourceType.apiVersion, kind: Self.resourceType.kind, name: name, uid: uid,
            controller: true, blockOwnerDeletion: true)
    }
}
