import KubernetesAPI

/// An object as the garbage collector knows it.
public struct OwnedObject: Hashable, Sendable {
    public var type: ResourceType
    public var metadata: ObjectMeta

    public init(type: ResourceType, metadata: ObjectMeta) {
        self.type = type
        self.metadata = metadata
    }

    public var uid: String { metadata.uid ?? "" }
    public var key: ObjectKey { ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name ?? "") }
    var isDeleting: Bool { metadata.deletionTimestamp != nil }
    func has(_ finalizer: String) -> Bool { metadata.finalizers?.contains(finalizer) ?? false }
    /// Whether the object was deleted in the foreground: it goes once its dependents are gone.
    var waitsForDependents: Bool { isDeleting && has(OwnerGraph.foreground) }
}

/// A change that the garbage collector makes to an object.
public enum CollectionStep: Hashable, Sendable {
    case delete(propagation: String)
    /// Removes the owner references with these UIDs.
    case dropOwners([String])
    case removeFinalizer(String)
}

/// Owners and dependents by UID, and the steps that follow from them. A value: the collector's state without
/// its I/O.
public struct OwnerGraph: Sendable {
    public static let foreground = "foregroundDeletion"
    public static let orphan = "orphan"

    private var objects: [String: OwnedObject] = [:]
    private var dependents: [String: Set<String>] = [:]

    public init() {}

    public var count: Int { objects.count }
    public subscript(uid: String) -> OwnedObject? { objects[uid] }

    /// Objects with the owner `uid`.
    public func dependents(of uid: String) -> [OwnedObject] {
        (dependents[uid] ?? []).sorted().compactMap { objects[$0] }
    }

    /// Takes in an object, and returns the UIDs of the objects to examine.
    public mutating func set(_ object: OwnedObject) -> Set<String> {
        let previous = objects[object.uid]
        unlink(previous)
        objects[object.uid] = object
        for owner in object.metadata.ownerReferences ?? [] {
            dependents[owner.uid, default: []].insert(object.uid)
        }
        var affected: Set<String> = [object.uid]
        if object.isDeleting { affected.formUnion(dependents[object.uid] ?? []) }
        // An owner that waits for this object may go on.
        for owner in (previous?.metadata.ownerReferences ?? []) + (object.metadata.ownerReferences ?? []) {
            if objects[owner.uid]?.isDeleting == true { affected.insert(owner.uid) }
        }
        return affected
    }

    /// Notes that an object is gone, and returns the UIDs of the objects to examine.
    public mutating func remove(_ uid: String) -> Set<String> {
        guard let object = objects.removeValue(forKey: uid) else { return [] }
        unlink(object)
        let owners = (object.metadata.ownerReferences ?? []).map(\.uid).filter { objects[$0] != nil }
        return (dependents[uid] ?? []).union(owners)
    }

    private mutating func unlink(_ object: OwnedObject?) {
        for owner in object?.metadata.ownerReferences ?? [] {
            dependents[owner.uid]?.remove(object?.uid ?? "")
            if dependents[owner.uid]?.isEmpty == true { dependents[owner.uid] = nil }
        }
    }

    /// The owners that are not in the graph: the API server must be asked for them before anything is
    /// deleted.
    public func unknownOwners(of object: OwnedObject) -> [OwnerReference] {
        (object.metadata.ownerReferences ?? []).filter { owner(of: object, $0) == nil }
    }

    /// The owner of a reference; nil unless it lives in the object's namespace or in none.
    private func owner(of object: OwnedObject, _ reference: OwnerReference) -> OwnedObject? {
        guard let owner = objects[reference.uid] else { return nil }
        let namespace = owner.key.namespace
        return namespace.isEmpty || namespace == object.key.namespace ? owner : nil
    }

    /// The next step for an object; nil if there is none.
    ///
    /// - Parameter existing: UIDs of owners that exist though they are not in the graph.
    public func step(for uid: String, existing: Set<String> = []) -> CollectionStep? {
        guard let object = objects[uid] else { return nil }
        if object.isDeleting {
            if object.has(Self.orphan) {
                return dependents(of: uid).isEmpty ? .removeFinalizer(Self.orphan) : nil
            }
            guard object.has(Self.foreground) else { return nil }
            let blocks = dependents(of: uid).contains { dependent in
                dependent.metadata.ownerReferences?.contains {
                    $0.uid == uid && $0.blockOwnerDeletion == true
                } ?? false
            }
            return blocks ? nil : .removeFinalizer(Self.foreground)
        }
        return stepByOwners(object, existing: existing)
    }

    private func stepByOwners(_ object: OwnedObject, existing: Set<String>) -> CollectionStep? {
        var living = false
        var gone: [String] = []
        var waiting: [String] = []
        var orphaning: [String] = []
        for reference in object.metadata.ownerReferences ?? [] {
            guard let owner = owner(of: object, reference) else {
                if existing.contains(reference.uid) { living = true } else { gone.append(reference.uid) }
                continue
            }
            if owner.isDeleting, owner.has(Self.orphan) {
                orphaning.append(reference.uid)
            } else if owner.waitsForDependents {
                waiting.append(reference.uid)
            } else {
                living = true
            }
        }
        if !orphaning.isEmpty { return .dropOwners(orphaning) }
        if gone.isEmpty, waiting.isEmpty { return nil }
        if living { return .dropOwners(gone + waiting) }
        if !waiting.isEmpty, !dependents(of: object.uid).isEmpty { return .delete(propagation: "Foreground") }
        if object.has(Self.orphan) { return .delete(propagation: "Orphan") }
        return .delete(propagation: object.has(Self.foreground) ? "Foreground" : "Background")
    }
}
