import KubernetesAPI
import Synchronization

/// Objects that were admitted and may not be stored yet.
///
/// They count beside a quota's status: whoever recalculates that from the stored objects at such a moment
/// takes them off again.
final class PendingObjects: Sendable {
    struct Key: Hashable {
        var resource: String
        var object: ObjectKey
    }

    /// Seconds within which an admitted object is stored, or never.
    private static let lifetimeSeconds: Int64 = 60

    private let entries = Mutex<[Key: (object: JSONValue, admitted: Timestamp)]>([:])

    func add(_ object: JSONValue, _ key: Key, now: Timestamp) {
        entries.withLock { entries in
            entries = entries.filter { now.seconds(since: $0.value.admitted) < Self.lifetimeSeconds }
            entries[key] = (object, now)
        }
    }

    func remove(_ key: Key) { entries.withLock { $0[key] = nil } }

    /// Pending objects of a resource in a namespace, by name.
    func objects(of resource: String, namespace: String) -> [String: JSONValue] {
        entries.withLock { entries in
            var found: [String: JSONValue] = [:]
            for (key, entry) in entries
            where key.resource == resource && key.object.namespace == namespace {
                found[key.object.name] = entry.object
            }
            return found
        }
    }
}
