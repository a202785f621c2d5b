import KubernetesAPI
import Synchronization

/// Change of an object in a store.
public enum StoreChange<R: KubernetesResource>: Sendable {
    case added(R)
    case updated(old: R, new: R)
    case deleted(R)

    /// The object after the change; for a deletion, as it was last.
    public var object: R {
        switch self {
        case .added(let object), .updated(_, let object), .deleted(let object): object
        }
    }

    public var key: ObjectKey { object.key }
}

/// The objects of one kind as they were last seen. Reading never waits for the network.
public final class Store<R: KubernetesResource>: Sendable {
    public typealias Indexer = @Sendable (R) -> [String]

    fileprivate struct Contents {
        var objects: [ObjectKey: Boxed<R>] = [:]
        var indexes: [String: [String: Set<ObjectKey>]] = [:]
        var owners: [String: Set<ObjectKey>] = [:]
        var tombstones = Tombstones()
        /// Keys of assumed objects, by the version that the watch has still to tell of.
        var assumed: [String: ObjectKey] = [:]
        /// Whether a list is under way, whose objects will replace the contents.
        var isListing = true
        var hasSynced = false
    }

    private let contents = Mutex(Contents())
    private let indexers: [String: Indexer]

    public init(indexers: [String: Indexer] = [:]) { self.indexers = indexers }

    public func get(_ key: ObjectKey) -> R? { contents.withLock { $0.objects[key]?.value } }

    /// All objects, or those of a namespace, in no particular order.
    public func list(namespace: String? = nil) -> [R] {
        contents.withLock { contents in
            var listed: [R] = []
            if namespace == nil { listed.reserveCapacity(contents.objects.count) }
            for object in contents.objects.values
            where namespace == nil || object.value.namespace == namespace {
                listed.append(object.value)
            }
            return listed
        }
    }

    public var keys: [ObjectKey] { contents.withLock { Array($0.objects.keys) } }

    /// The objects for which the indexer of that name gave that value, in the order of their keys.
    public func byIndex(_ name: String, _ value: String) -> [R] {
        contents.withLock { contents in
            Self.objects(contents.indexes[name]?[value], in: contents)
        }
    }

    /// The objects that have an owner of that UID, in the order of their keys.
    public func byOwner(_ uid: String) -> [R] {
        contents.withLock { contents in Self.objects(contents.owners[uid], in: contents) }
    }

    public var count: Int { contents.withLock { $0.objects.count } }

    /// Whether the objects were listed once.
    public var hasSynced: Bool { contents.withLock { $0.hasSynced } }

    private static func objects(_ keys: Set<ObjectKey>?, in contents: Contents) -> [R] {
        (keys ?? []).sorted().compactMap { contents.objects[$0]?.value }
    }
}

// Objects that this process wrote: the server's answer tells of them before the watch does.
extension Store {
    /// Takes an object from the server's answer to a write of this process, so that readers see it at once.
    package func assume(_ object: R) -> [StoreChange<R>] {
        contents.withLock { contents in
            guard let version = object.metadata.resourceVersion,
                !contents.tombstones.cover(object.metadata)
            else { return [] }
            if let known = contents.objects[object.key]?.value {
                guard known.metadata.resourceVersion != version, !Self.isOlder(object, than: known) else {
                    return []
                }
            }
            contents.assumed[version] = object.key
            return upsert(object, in: &contents)
        }
    }

    /// Whether the watch's event of that version tells only of an assumed object. True once for each version.
    package func takeAssumed(version: String) -> Bool {
        contents.withLock { contents in
            !contents.isListing && contents.assumed.removeValue(forKey: version) != nil
        }
    }

    /// Notes that, until `replace`, the watch tells of all objects anew.
    package func beginListing() { contents.withLock { $0.isListing = true } }
}

extension Store.Contents {
    /// Forgets assumed objects that a list of that version shows already.
    fileprivate mutating func forgetAssumed(until version: String?) {
        guard !assumed.isEmpty else { return }
        let listed = version.flatMap(ResourceVersion.init)
        assumed = assumed.filter { entry in
            guard let listed, let written = ResourceVersion(entry.key) else { return false }
            return written > listed
        }
    }
}

// Writing, which only the informer does, one call after the other.
extension Store {
    /// Makes `objects` the whole contents, in one step, and returns the differences.
    ///
    /// - Parameter version: version of the list. Objects that were assumed at a later one stay.
    package func replace(_ objects: [R], at version: String? = nil) -> [StoreChange<R>] {
        contents.withLock { contents in
            var changes: [StoreChange<R>] = []
            contents.forgetAssumed(until: version)
            let assumed = Set(contents.assumed.values)
            let present = Set(objects.map(\.key)).union(assumed)
            for key in contents.objects.keys.filter({ !present.contains($0) }) {
                if let old = remove(key, from: &contents) { changes.append(.deleted(old)) }
            }
            for object in objects where !assumed.contains(object.key) {
                changes += upsert(object, in: &contents)
            }
            contents.tombstones = Tombstones()
            contents.isListing = false
            contents.hasSynced = true
            return changes
        }
    }

    /// Adds or changes an object. A version that is known already, or is older than the known one, changes
    /// nothing: events that come twice or out of order are harmless.
    package func upsert(_ object: R) -> [StoreChange<R>] {
        contents.withLock { contents in
            if let known = contents.objects[object.key]?.value, Self.isOlder(object, than: known) {
                return []
            }
            guard !contents.tombstones.cover(object.metadata) else { return [] }
            return upsert(object, in: &contents)
        }
    }

    /// Removes an object that was deleted, unless a newer one is known under its name.
    package func remove(_ object: R) -> [StoreChange<R>] {
        contents.withLock { contents in
            contents.tombstones.insert(object.metadata)
            if let known = contents.objects[object.key]?.value, Self.isOlder(object, than: known) {
                return []
            }
            return remove(object.key, from: &contents).map { [.deleted($0)] } ?? []
        }
    }

    private static func isOlder(_ object: R, than known: R) -> Bool {
        guard let version = object.metadata.resourceVersion.flatMap(ResourceVersion.init),
            let knownVersion = known.metadata.resourceVersion.flatMap(ResourceVersion.init)
        else { return false }
        return version < knownVersion
    }

    package func remove(_ key: ObjectKey) -> [StoreChange<R>] {
        contents.withLock { contents in
            remove(key, from: &contents).map { [.deleted($0)] } ?? []
        }
    }

    private func upsert(_ object: R, in contents: inout Contents) -> [StoreChange<R>] {
        let old = contents.objects[object.key]?.value
        if let old, let version = old.metadata.resourceVersion, version == object.metadata.resourceVersion {
            return []
        }
        if let old { unindex(old, in: &contents) }
        contents.objects[object.key] = Boxed(object)
        index(object, in: &contents)
        guard let old else { return [.added(object)] }
        // Another UID is another object: the deletion of the first was missed.
        guard old.metadata.uid == object.metadata.uid else { return [.deleted(old), .added(object)] }
        return [.updated(old: old, new: object)]
    }

    private func remove(_ key: ObjectKey, from contents: inout Contents) -> R? {
        guard let old = contents.objects.removeValue(forKey: key)?.value else { return nil }
        unindex(old, in: &contents)
        return old
    }

    private func index(_ object: R, in contents: inout Contents) {
        for (name, indexer) in indexers {
            for value in indexer(object) {
                contents.indexes[name, default: [:]][value, default: []].insert(object.key)
            }
        }
        for owner in object.metadata.ownerReferences ?? [] {
            contents.owners[owner.uid, default: []].insert(object.key)
        }
    }

    private func unindex(_ object: R, in contents: inout Contents) {
        for (name, indexer) in indexers {
            for value in indexer(object) {
                Self.remove(object.key, from: &contents.indexes[name, default: [:]], at: value)
            }
        }
        for owner in object.metadata.ownerReferences ?? [] {
            Self.remove(object.key, from: &contents.owners, at: owner.uid)
        }
    }

    private static func remove(
        _ key: ObjectKey, from index: inout [String: Set<ObjectKey>], at value: String
    ) {
        index[value]?.remove(key)
        if index[value]?.isEmpty == true { index[value] = nil }
    }
}
