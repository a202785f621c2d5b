/// `metav1.Condition`
public struct Condition: Codable, Hashable, Sendable {
    public enum Status: String, Codable, Sendable {
        case `true` = "True", `false` = "False", unknown = "Unknown"
    }

    public var type: String
    public var status: Status
    public var observedGeneration: Int64?
    public var lastTransitionTime: Timestamp
    /// CamelCase, never empty.
    public var reason: String
    public var message: String

    public init(
        type: String, status: Status, observedGeneration: Int64?, lastTransitionTime: Timestamp,
        reason: String, message: String
    ) {
        self.type = type
        self.status = status
        self.observedGeneration = observedGeneration
        self.lastTransitionTime = lastTransitionTime
        self.reason = reason
        self.message = message
    }
}

extension [Condition] {
    public subscript(type: String) -> Condition? { first { $0.type == type } }

    public func isTrue(_ type: String) -> Bool { self[type]?.status == .true }

    /// Sets a condition by its type. The transition time moves only when the status does, so that an
    /// unchanged world gives an unchanged status.
    public mutating func set(_ condition: Condition) {
        guard let index = firstIndex(where: { $0.type == condition.type }) else {
            append(condition)
            return
        }
        var updated = condition
        if self[index].status == condition.status {
            updated.lastTransitionTime = self[index].lastTransitionTime
        }
        self[index] = updated
    }
}
