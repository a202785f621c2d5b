import KubernetesAPI

/// Content of the store in memory: all current objects, recent changes, and the listeners. A plain value; the
/// store guards it with a lock.
struct StoreState {
    var revision: Int64 = 0
    /// Revision below which history is lost.
    var compacted: Int64 = 0
    private(set) var objects: [GroupResource: [ObjectKey: StoredObject]] = [:]
    /// The latest changes, oldest first, without gaps.
    private var recent: [Change] = []
    private let recentLimit: Int
    private var listeners: [Int: Listener] = [:]
    private var nextListener = 0
    private var isClosed = false

    struct Listener {
        var resource: GroupResource
        var continuation: AsyncStream<WatchSignal>.Continuation
    }

    init(recentLimit: Int) { self.recentLimit = max(recentLimit, 1) }

    mutating func load(_ object: StoredObject, of resource: GroupResource) {
        objects[resource, default: [:]][object.key] = object
    }

    func object(_ resource: GroupResource, _ key: ObjectKey) -> StoredObject? { objects[resource]?[key] }

    /// Takes a committed change in, and tells the listeners.
    mutating func apply(_ change: Change) {
        revision = change.revision
        switch change.kind {
        case .added, .modified:
            objects[change.resource, default: [:]][change.key] = StoredObject(
                key: change.key, revision: change.revision, value: change.value)
        case .deleted:
            objects[change.resource]?[change.key] = nil
        }
        recent.append(change)
        if recent.count >= recentLimit * 2 { recent.removeFirst(recent.count - recentLimit) }
        for (id, listener) in listeners where listener.resource == change.resource {
            guard case .enqueued = listener.continuation.yield(.change(change)) else {
                // A client that does not keep up loses its stream and must list again.
                listener.continuation.finish()
                listeners[id] = nil
                continue
            }
        }
    }

    /// The changes after `revision`, if memory still has all of them.
    func changes(after revision: Int64, of resource: GroupResource) -> [Change]? {
        let oldest = recent.first?.revision ?? self.revision + 1
        guard revision + 1 >= oldest else { return nil }
        return recent.filter { $0.revision > revision && $0.resource == resource }
    }

    mutating func forget(upTo revision: Int64) {
        compacted = max(compacted, revision)
        recent.removeAll { $0.revision <= revision }
    }

    mutating func listen(
        _ resource: GroupResource, _ continuation: AsyncStream<WatchSignal>.Continuation
    ) -> Int {
        nextListener += 1
        if isClosed {
            continuation.finish()
        } else {
            listeners[nextListener] = Listener(resource: resource, continuation: continuation)
        }
        return nextListener
    }

    func listenerCount(of resource: GroupResource) -> Int {
        listeners.values.count { $0.resource == resource }
    }

    mutating func stopListening(_ id: Int) { listeners.removeValue(forKey: id)?.continuation.finish() }

    /// Puts a bookmark into a stream, after all changes that it speaks of.
    func bookmark(_ id: Int) { listeners[id]?.continuation.yield(.bookmark(revision: revision)) }

    /// Ends all streams, now and from now on.
    mutating func close() {
        isClosed = true
        for listener in listeners.values { listener.continuation.finish() }
        listeners = [:]
    }

    /// Ends the streams of one resource, which is no longer served.
    mutating func closeListeners(of resource: GroupResource) {
        for (id, listener) in listeners where listener.resource == resource {
            listener.continuation.finish()
            listeners[id] = nil
        }
    }
}
