import KubernetesAPI

/// A JSON merge patch (RFC 7396).
enum JSONMergePatch {
    /// The target with the patch merged in. Recursion goes as deep as the patch nests, which its parser
    /// limits.
    static func merge(_ target: JSONValue, with patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch.withoutNullMembers() }
        guard case .object(var members) = target else { return patch.withoutNullMembers() }
        for (key, change) in changes {
            if change.isNull {
                members[key] = nil
            } else {
                let old = members[key] ?? .null
                members[key] = merge(old, with: change)
            }
        }
        return .object(members)
    }
}

extension JSONValue {
    /// The value without null members, at any depth: null in a patch means "delete".
    func withoutNullMembers() -> JSONValue {
        switch self {
        case .null, .bool, .integer, .number, .string: self
        case .array(let elements): .array(elements.map { $0.withoutNullMembers() })
        case .object(let members):
            .object(members.filter { !$0.value.isNull }.mapValues { $0.withoutNullMembers() })
        }
    }
}
