import KubernetesAPI

/// The patch formats besides apply, which is ``FieldManager/apply(live:applied:manager:force:now:)``.
public enum PatchFormat: String, Hashable, Sendable, CaseIterable {
    /// RFC 6902
    case json = "application/json-patch+json"
    /// RFC 7396
    case merge = "application/merge-patch+json"
    /// The format of Kubernetes' own, which merges lists by key. Not for custom resources.
    case strategic = "application/strategic-merge-patch+json"
}

public enum ObjectPatcher {
    /// Applies a patch to an object.
    ///
    /// - Parameter schema: rules by which a strategic merge merges lists; the other formats do not use it.
    public static func applyPatch(
        _ format: PatchFormat, _ patch: JSONValue, to object: JSONValue, schema: MergeType = .untyped
    ) throws(PatchError) -> JSONValue {
        let result: JSONValue
        switch format {
        case .json:
            result = try JSONPatch(decoding: patch).apply(to: object)
        case .merge:
            guard patch.objectValue != nil else { throw Self.notAnObject(patch) }
            result = JSONMergePatch.merge(object, with: patch)
        case .strategic:
            guard patch.objectValue != nil else { throw Self.notAnObject(patch) }
            result = try StrategicMerge.merge(object, with: patch, type: schema)
        }
        guard result.objectValue != nil else { throw PatchError.unprocessable }
        guard result.nesting(within: JSONValue.depthLimit) else {
            throw .tooLarge("the patched object nests deeper than \(JSONValue.depthLimit) levels")
        }
        return result
    }

    private static func notAnObject(_ patch: JSONValue) -> PatchError {
        .malformed(
            "error decoding patch: json: cannot unmarshal \(patch.typeName) into Go value of type "
                + "map[string]interface {}")
    }
}

extension JSONValue {
    /// Whether arrays and objects nest no deeper than `limit` levels.
    func nesting(within limit: Int) -> Bool {
        switch self {
        case .null, .bool, .integer, .number, .string: true
        case .array(let elements): limit > 0 && elements.allSatisfy { $0.nesting(within: limit - 1) }
        case .object(let members): limit > 0 && members.values.allSatisfy { $0.nesting(within: limit - 1) }
        }
    }

    /// Type of the value, as Go's JSON decoder names it.
    package var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .integer, .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// Equality in which `1` and `1.0` are the same.
    func means(_ other: JSONValue) -> Bool {
        switch (self, other) {
        case (.integer, .number), (.number, .integer): doubleValue == other.doubleValue
        case (.array(let mine), .array(let others)):
            mine.count == others.count && zip(mine, others).allSatisfy { $0.means($1) }
        case (.object(let mine), .object(let others)):
            mine.count == others.count
                && mine.allSatisfy { key, value in others[key].map { value.means($0) } ?? false }
        default: self == other
        }
    }

    /// Whether the value is null, an empty array or an empty object.
    var isVacant: Bool {
        switch self {
        case .null: true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        case .bool, .integer, .number, .string: false
        }
    }
}
