import GRDB
import KubernetesAPI
import Synchronization

/// The cluster's objects: durable in SQLite, with a revision counter and a log of changes, as etcd has
/// them; read from memory.
///
/// Writes are serialized; each one gets the next revision, is committed, and then becomes visible to
/// readers and listeners, in that order.
public final class ObjectStore: Sendable {
    private let database: StoreDatabase
    private let state: Mutex<StoreState>
    /// Signals that may wait for one slow listener.
    private let listenerCapacity: Int

    /// Opens or creates the database at `path`.
    ///
    /// - Parameter recentLimit: changes that are kept in memory for watches; older ones come from disk
    public init(path: String, recentLimit: Int = 4096, listenerCapacity: Int = 4096) throws {
        database = try StoreDatabase(path: path)
        var loaded = StoreState(recentLimit: recentLimit)
        let counters = try database.counters()
        loaded.revision = counters.revision
        loaded.compacted = counters.compacted
        try database.forEachObject { resource, object in loaded.load(object, of: resource) }
        state = Mutex(loaded)
        self.listenerCapacity = listenerCapacity
    }

    /// The revision of the last write.
    public var revision: Int64 { state.withLock { $0.revision } }

    /// Revisions below this one can no longer be read.
    public var compacted: Int64 { state.withLock { $0.compacted } }

    public func get(_ resource: GroupResource, _ key: ObjectKey) -> StoredObject? {
        state.withLock { $0.object(resource, key) }
    }

    /// The current objects in key order, of one namespace or of all, and the revision of this view.
    public func list(
        _ resource: GroupResource, namespace: String? = nil
    ) -> (revision: Int64, objects: [StoredObject]) {
        let (revision, objects) = state.withLock { ($0.revision, $0.objects[resource]) }
        return (revision, Self.sorted(objects ?? [:], namespace))
    }

    /// The objects as they were at `revision`.
    public func list(
        _ resource: GroupResource, namespace: String? = nil, at revision: Int64
    ) async throws(StoreError) -> [StoredObject] {
        let (current, compacted, now) = state.withLock { state in
            (state.objects[resource] ?? [:], state.compacted, state.revision)
        }
        guard revision <= now else { throw .future(requested: revision, current: now) }
        guard revision >= compacted else { throw .compacted(requested: revision, oldest: compacted) }
        var objects = current
        for change in try await changes(of: resource, after: revision, upTo: now).reversed() {
            objects[change.key] = change.previous
        }
        return Self.sorted(objects, namespace)
    }

    private static func sorted(
        _ objects: [ObjectKey: StoredObject], _ namespace: String?
    ) -> [StoredObject] {
        objects.values.filter { namespace == nil || $0.key.namespace == namespace }
            .sorted { $0.key < $1.key }
    }

    private func changes(
        of resource: GroupResource, after: Int64, upTo: Int64
    ) async throws(StoreError) -> [Change] {
        if let recent = state.withLock({ $0.changes(after: after, of: resource) }) {
            return recent.filter { $0.revision <= upTo }
        }
        do {
            return try await database.changes(of: resource, after: after, upTo: upTo)
        } catch {
            throw .database("\(error)")
        }
    }
}

// MARK: - Writing

extension ObjectStore {
    /// Stores a new object; throws a conflict if its key is taken.
    public func create(
        _ resource: GroupResource, _ key: ObjectKey, _ value: JSONValue
    ) async throws(StoreError) -> StoredObject {
        try await commit(resource, key, .added, value, expected: nil)
    }

    /// Replaces an object; throws a conflict unless it still has the revision `expected`.
    public func replace(
        _ resource: GroupResource, _ key: ObjectKey, _ value: JSONValue, expected: Int64
    ) async throws(StoreError) -> StoredObject {
        try await commit(resource, key, .modified, value, expected: expected)
    }

    /// Removes an object; throws a conflict unless it still has the revision `expected`. Listeners see `last`
    /// as its last state.
    public func delete(
        _ resource: GroupResource, _ key: ObjectKey, last: JSONValue, expected: Int64
    ) async throws(StoreError) -> StoredObject {
        try await commit(resource, key, .deleted, last, expected: expected)
    }

    private func commit(
        _ resource: GroupResource, _ key: ObjectKey, _ kind: Change.Kind, _ value: JSONValue,
        expected: Int64?
    ) async throws(StoreError) -> StoredObject {
        do {
            return try await database.pool.writeWithoutTransaction { [self] database in
                let (previous, revision) = state.withLock { ($0.object(resource, key), $0.revision + 1) }
                guard previous?.revision == expected else { throw StoreError.conflict }
                var stamped = value
                stamped[path: ["metadata", "resourceVersion"]] = .string(String(revision))
                let change = Change(
                    revision: revision, resource: resource, key: key, kind: kind, value: stamped,
                    previous: previous)
                try StoreDatabase.record(change, in: database)
                // Runs on the writer's queue still: changes become visible in the order of their revisions.
                state.withLock { $0.apply(change) }
                return StoredObject(key: key, revision: revision, value: stamped)
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw .database("\(error)")
        }
    }

    /// Forgets history up to and including `revision`: older reads and watches get `compacted`.
    public func compact(upTo revision: Int64) async throws(StoreError) {
        let revision = min(revision, self.revision)
        guard revision > compacted else { return }
        do {
            try await database.pool.writeWithoutTransaction { [self] database in
                try StoreDatabase.compact(upTo: revision, in: database)
                state.withLock { $0.forget(upTo: revision) }
            }
        } catch {
            throw .database("\(error)")
        }
    }
}

// MARK: - Listening

extension ObjectStore {
    /// A feed of the changes after `revision`.
    public func subscribe(
        _ resource: GroupResource, after revision: Int64
    ) async throws(StoreError) -> Subscription {
        let (signals, continuation) = makeStream()
        let (id, now, compacted) = state.withLock { state in
            (state.listen(resource, continuation), state.revision, state.compacted)
        }
        do throws(StoreError) {
            guard revision >= compacted else { throw .compacted(requested: revision, oldest: compacted) }
            let backlog = revision < now ? try await changes(of: resource, after: revision, upTo: now) : []
            return Subscription(
                id: id, backlog: backlog, snapshot: [], revision: now, signals: signals,
                continuation: continuation)
        } catch {
            state.withLock { $0.stopListening(id) }
            throw error
        }
    }

    /// The current objects, and a feed of the changes from then on.
    public func subscribe(_ resource: GroupResource, snapshotOf namespace: String?) -> Subscription {
        let (signals, continuation) = makeStream()
        let (id, now, objects) = state.withLock { state in
            (state.listen(resource, continuation), state.revision, state.objects[resource] ?? [:])
        }
        return Subscription(
            id: id, backlog: [], snapshot: Self.sorted(objects, namespace), revision: now, signals: signals,
            continuation: continuation)
    }

    private func makeStream() -> (AsyncStream<WatchSignal>, AsyncStream<WatchSignal>.Continuation) {
        AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(listenerCapacity))
    }

    public func unsubscribe(_ subscription: Subscription) {
        state.withLock { $0.stopListening(subscription.id) }
    }

    /// Number of open feeds of a resource.
    public func listenerCount(of resource: GroupResource) -> Int {
        state.withLock { $0.listenerCount(of: resource) }
    }

    /// Puts a bookmark into the feed, behind all changes that have happened.
    public func sendBookmark(to subscription: Subscription) {
        state.withLock { $0.bookmark(subscription.id) }
    }

    /// Ends all feeds: the server is going down.
    public func closeFeeds() { state.withLock { $0.close() } }

    /// Ends the feeds of one resource, which is no longer served.
    public func closeFeeds(of resource: GroupResource) {
        state.withLock { $0.closeListeners(of: resource) }
    }
}
