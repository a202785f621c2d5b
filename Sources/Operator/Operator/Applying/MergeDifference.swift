import KubernetesAPI

/// The JSON merge patch (RFC 7396) that turns one value into another.
enum MergeDifference {
    /// The patch from one value to another; nil if they are equal. Depth is bounded by that of the values,
    /// which the decoder bounded.
    static func between(_ old: JSONValue, _ new: JSONValue) -> JSONValue? {
        guard old != new else { return nil }
        guard case .object(let before) = old, case .object(let after) = new else { return new }
        var patch: [String: JSONValue] = [:]
        for key in before.keys where after[key] == nil { patch[key] = .null }
        for (key, value) in after {
            guard let earlier = before[key] else {
                patch[key] = value
                continue
            }
            if let difference = between(earlier, value) { patch[key] = difference }
        }
        return .object(patch)
    }
}
