import KubernetesAPI

/// Owners of an object's fields: `metadata.managedFields`.
struct ManagedFields: Equatable {
    enum Operation: String, Comparable {
        case apply = "Apply"
        case update = "Update"

        static func < (left: Operation, right: Operation) -> Bool { left.rawValue < right.rawValue }
    }

    /// Identity of a manager.
    struct Manager: Hashable {
        var name: String
        var operation: Operation
        /// Version that an updater wrote in; empty for appliers, whose identity does not depend on it.
        var apiVersion: String
        var subresource: String

        init(name: String, operation: Operation, apiVersion: String, subresource: String?) {
            self.name = name
            self.operation = operation
            self.apiVersion = operation == .apply ? "" : apiVersion
            self.subresource = subresource ?? ""
        }
    }

    struct Entry: Equatable {
        var apiVersion: String
        /// Time as it was written; nil for an apply that has changed nothing yet.
        var time: String?
        var fields: FieldSet
    }

    var entries: [Manager: Entry] = [:]

    init() {}

    /// Nil if an entry is malformed.
    init?(decoding value: JSONValue?) {
        guard let value, !value.isNull else { return }
        guard let list = value.arrayValue else { return nil }
        for item in list {
            guard let operation = Operation(rawValue: item["operation"]?.stringValue ?? ""),
                let fields = FieldSet(fieldsV1: item["fieldsV1"] ?? [:])
            else { return nil }
            let apiVersion = item["apiVersion"]?.stringValue ?? ""
            let manager = Manager(
                name: item["manager"]?.stringValue ?? "", operation: operation, apiVersion: apiVersion,
                subresource: item["subresource"]?.stringValue)
            entries[manager] = Entry(
                apiVersion: apiVersion, time: item["time"]?.stringValue, fields: fields)
        }
    }

    /// The entries as JSON: appliers first, then by time, then by name. Nil if there are none.
    var encoded: JSONValue? {
        guard !entries.isEmpty else { return nil }
        let ordered = entries.sorted { left, right in
            (left.key.operation, left.value.seconds) != (right.key.operation, right.value.seconds)
                ? (left.key.operation, left.value.seconds) < (right.key.operation, right.value.seconds)
                : (left.key.name, left.value.apiVersion, left.key.subresource)
                    < (right.key.name, right.value.apiVersion, right.key.subresource)
        }
        return .array(ordered.map { Self.encode($0.key, $0.value) })
    }

    private static func encode(_ manager: Manager, _ entry: Entry) -> JSONValue {
        var item: [String: JSONValue] = [
            "manager": .string(manager.name), "operation": .string(manager.operation.rawValue),
            "apiVersion": .string(entry.apiVersion), "fieldsType": "FieldsV1",
            "fieldsV1": entry.fields.fieldsV1,
        ]
        item["time"] = entry.time.map(JSONValue.string)
        if !manager.subresource.isEmpty { item["subresource"] = .string(manager.subresource) }
        return .object(item)
    }

    /// Number of updaters that are kept apart, as in `kube-apiserver`.
    static let updaterLimit = 10
    static let oldUpdaterName = "ancient-changes"

    /// Joins the oldest updaters of each version until no more than the limit are left.
    mutating func capUpdaters() {
        var updaters = entries.filter { $0.key.operation == .update }.sorted { left, right in
            (left.value.seconds, left.key.name, left.key.subresource)
                < (right.value.seconds, right.key.name, right.key.subresource)
        }
        var firstOfVersion: [String: Manager] = [:]
        var count = updaters.count
        while count > Self.updaterLimit, !updaters.isEmpty {
            let (manager, entry) = updaters.removeFirst()
            guard let first = firstOfVersion[entry.apiVersion] else {
                firstOfVersion[entry.apiVersion] = manager
                continue
            }
            let bucket = Manager(
                name: Self.oldUpdaterName, operation: .update, apiVersion: entry.apiVersion, subresource: nil)
            if entries[bucket] == nil { entries[bucket] = entries.removeValue(forKey: first) }
            guard manager != bucket, var merged = entries[bucket] else { continue }
            merged.fields = merged.fields.union(entry.fields)
            merged.time = entry.time
            entries[bucket] = merged
            entries[manager] = nil
            count -= 1
        }
    }

    mutating func removeEmpty() {
        entries = entries.filter { !$0.value.fields.isEmpty }
    }
}

extension ManagedFields.Entry {
    fileprivate var seconds: Int64 { time.flatMap { Timestamp($0)?.seconds } ?? 0 }
}
