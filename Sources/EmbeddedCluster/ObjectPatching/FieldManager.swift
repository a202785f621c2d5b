import KubernetesAPI
import StructuralSchema

/// Records the owners of the fields of one kind of object, and applies configurations with regard to them:
/// server-side apply. Pure.
///
/// Build one for each kind, version and subresource: its schema is compiled once.
public struct FieldManager: Sendable {
    /// Rules for merging the kind's fields; a strategic merge patch needs them, too.
    public let type: MergeType
    /// `group/version` of the objects.
    public let apiVersion: String
    /// Name of the subresource, such as `status`; nil for the object itself.
    public let subresource: String?
    /// Object before its creation. Members that are here, if only as null or `{}`, are not owned by those who
    /// create an object: kinds written in Go begin with `spec: {}`.
    public let emptyObject: JSONValue
    /// Fields that writes through this subresource never change, and so never come to own.
    let ignoredFields: FieldSet
    private let ignoredPaths: [[String]]

    /// - Parameters:
    ///   - ignoring: paths of member names that writes through `subresource` leave as they are, such as
    ///     `["status"]` for the object itself if it has a status subresource.
    ///   - sharing: the compiled form of `schema`, if there is one already.
    public init(
        schema: Schema, apiVersion: String, subresource: String? = nil, ignoring: [[String]] = [],
        emptyObject: JSONValue = [:], sharing: MergeType? = nil
    ) {
        type = sharing ?? .object(schema)
        self.apiVersion = apiVersion
        self.subresource = subresource
        self.emptyObject = emptyObject
        ignoredPaths = ignoring
        ignoredFields = ignoring.reduce(into: FieldSet()) { set, path in
            set.insert(path.map { PathElement.field($0) }[...])
        }
    }

    /// Fields that everybody may set and nobody owns.
    private static let unowned: FieldSet = {
        var set = FieldSet()
        let metadata = [
            "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
            "managedFields", "resourceVersion",
        ]
        for path in [["apiVersion"], ["kind"], ["metadata"]] + metadata.map({ ["metadata", $0] }) {
            set.insert(path.map { PathElement.field($0) }[...])
        }
        return set
    }()

    // MARK: Writes other than applies

    /// `new`, with `manager` recorded as owner of the fields that differ from `live`.
    ///
    /// Call it with the object as the client wrote it, after defaults and before admission: nobody owns the
    /// changes of admission.
    ///
    /// - Parameters:
    ///   - live: the stored object; nil on creation.
    ///   - manager: `fieldManager` of the request; without one, the beginning of its user agent.
    public func update(live: JSONValue?, new: JSONValue, manager: String, now: Timestamp) -> JSONValue {
        var managed = Self.managedFields(live: live, new: new, ignoringNew: subresource != nil)
        let old = (live ?? emptyObject).withoutManagedFields
        var result = new.withoutManagedFields
        // Objects that were created without field management stay so until something is applied to them.
        if managed.entries.isEmpty, live?[path: ["metadata", "uid"]]?.stringValue?.isEmpty == false {
            return result
        }
        record(from: old, to: result, manager: manager, now: now, in: &managed)
        managed.capUpdaters()
        result.setManagedFields(managed)
        guard let live else { return result }
        return Self.keepingTimes(of: live, in: result)
    }

    /// Records an updater as owner of the difference of two objects, and no other manager any more.
    func record(
        from old: JSONValue, to new: JSONValue, manager name: String, now: Timestamp,
        in managed: inout ManagedFields
    ) {
        let changes = Comparison(from: old, to: new, type: type).excluding(ignoredFields)
        let gained = changes.modified.union(changes.added)
        let lost = gained.union(changes.removed)
        for (manager, entry) in managed.entries {
            managed.entries[manager]?.fields = entry.fields.subtracting(lost)
        }
        managed.removeEmpty()
        let owned = withoutUnowned(gained)
        guard !owned.isEmpty else { return }
        let manager = ManagedFields.Manager(
            name: name.isEmpty ? "unknown" : name, operation: .update, apiVersion: apiVersion,
            subresource: subresource)
        let previous = managed.entries[manager]?.fields ?? FieldSet()
        managed.entries[manager] = ManagedFields.Entry(
            apiVersion: apiVersion, time: now.description, fields: owned.union(previous))
    }

    func withoutUnowned(_ set: FieldSet) -> FieldSet { set.subtracting(Self.unowned) }

    /// A configuration without the fields that writes through this subresource leave as they are.
    func withoutIgnored(_ applied: JSONValue) -> JSONValue {
        var result = applied
        for path in ignoredPaths where result[path: path] != nil { result[path: path] = nil }
        return result
    }

    /// The managed fields to go on from: those that the client sent, since it may change them, or else the
    /// stored ones, so that a client that knows nothing of them does not lose them.
    private static func managedFields(
        live: JSONValue?, new: JSONValue, ignoringNew: Bool
    ) -> ManagedFields {
        let stored = ManagedFields(decoding: live?[path: ["metadata", "managedFields"]]) ?? ManagedFields()
        guard !ignoringNew else { return stored }
        let given = new[path: ["metadata", "managedFields"]]
        // A single empty entry asks for a fresh start.
        if given == [[:]] { return ManagedFields() }
        guard let sent = ManagedFields(decoding: given), !sent.entries.isEmpty else { return stored }
        return sent
    }

    /// `live` if `new` differs from it only in the times of managed fields and in the resource version,
    /// otherwise `new`. Call it once more after defaults, if they came after an apply.
    public static func keepingTimes(of live: JSONValue, in new: JSONValue) -> JSONValue {
        guard var mine = ManagedFields(decoding: live[path: ["metadata", "managedFields"]]),
            var other = ManagedFields(decoding: new[path: ["metadata", "managedFields"]])
        else { return new }
        mine.forgetTimes()
        other.forgetTimes()
        guard mine == other, live.withoutBookkeeping == new.withoutBookkeeping else { return new }
        var result = new
        result[path: ["metadata", "managedFields"]] = live[path: ["metadata", "managedFields"]]
        return result
    }
}

extension ManagedFields {
    fileprivate mutating func forgetTimes() {
        entries = entries.mapValues { entry in
            var entry = entry
            entry.time = nil
            return entry
        }
    }
}

extension JSONValue {
    var withoutManagedFields: JSONValue {
        guard self[path: ["metadata", "managedFields"]] != nil else { return self }
        var result = self
        result[path: ["metadata", "managedFields"]] = nil
        return result
    }

    fileprivate var withoutBookkeeping: JSONValue {
        var result = withoutManagedFields
        if result[path: ["metadata", "resourceVersion"]] != nil {
            result[path: ["metadata", "resourceVersion"]] = nil
        }
        return result
    }

    mutating func setManagedFields(_ managed: ManagedFields) {
        guard let encoded = managed.encoded else {
            self = withoutManagedFields
            return
        }
        self[path: ["metadata", "managedFields"]] = encoded
    }
}
