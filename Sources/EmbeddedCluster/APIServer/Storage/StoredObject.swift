import KubernetesAPI

/// Names one collection of stored objects; versions of a kind share it.
public struct GroupResource: Hashable, Sendable, CustomStringConvertible {
    public var group: String
    public var plural: String

    public init(group: String, plural: String) {
        self.group = group
        self.plural = plural
    }

    public init(_ type: ResourceType) { self.init(group: type.group, plural: type.plural) }

    /// `pods`, `jobs.batch`: as in messages, and as the key in the database.
    public var description: String { group.isEmpty ? plural : "\(plural).\(group)" }

    /// The inverse of `description`; plurals hold no dots.
    init(text: String) {
        let parts = text.split(separator: ".", maxSplits: 1)
        self.init(group: parts.count > 1 ? String(parts[1]) : "", plural: parts.first.map(String.init) ?? "")
    }
}

/// An object as it stands in the store: its JSON carries `metadata.resourceVersion`.
public struct StoredObject: Sendable, Equatable {
    public var key: ObjectKey
    public var revision: Int64
    public var value: JSONValue
}

/// One committed write.
public struct Change: Sendable, Equatable {
    public enum Kind: Int, Sendable { case added = 0, modified = 1, deleted = 2 }

    public var revision: Int64
    public var resource: GroupResource
    public var key: ObjectKey
    public var kind: Kind
    /// The object after the write; on deletion its last state, with this revision.
    public var value: JSONValue
    /// The object before the write; nil for `added`.
    public var previous: StoredObject?
}

/// Cause for which the store refuses a call.
public enum StoreError: Error, Equatable, Sendable {
    /// The object exists already, is gone, or has another revision than the caller expected.
    case conflict
    /// The revision's history has been compacted away; `oldest` is still there.
    case compacted(requested: Int64, oldest: Int64)
    /// The revision has not been reached yet.
    case future(requested: Int64, current: Int64)
    /// The database failed; the text is SQLite's.
    case database(String)
}
