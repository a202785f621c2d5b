import KubernetesAPI

/// Comparison of a child with what it should be. What others set beside that is theirs.
enum Drift {
    /// Whether a field that is wanted is missing or differs. Defaults that the server added are no drift,
    /// and neither is metadata that only a server writes.
    static func exists(between wanted: some KubernetesResource, and observed: some KubernetesResource) -> Bool
    {
        guard let wanted = try? JSONValue(encoding: wanted), let observed = try? JSONValue(encoding: observed)
        else { return true }
        return !isKept(wanted, in: observed)
    }

    /// Whether all of a value is found in another. Lists are compared as wholes, element by element: depth
    /// is bounded by that of the values, which the decoder bounded.
    static func isKept(_ wanted: JSONValue, in observed: JSONValue) -> Bool {
        switch (wanted, observed) {
        case (.object(let wanted), .object(let observed)):
            wanted.allSatisfy { key, value in
                if value == .null { return observed[key] == nil || observed[key] == .null }
                return observed[key].map { isKept(value, in: $0) } ?? isEmpty(value)
            }
        case (.array(let wanted), .array(let observed)):
            wanted.count == observed.count && zip(wanted, observed).allSatisfy { isKept($0, in: $1) }
        default: wanted == observed
        }
    }

    /// Whether the value says nothing: servers leave such fields out.
    private static func isEmpty(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let members): members.isEmpty
        case .array(let elements): elements.isEmpty
        default: false
        }
    }
}
