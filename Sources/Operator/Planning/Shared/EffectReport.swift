import KubernetesAPI

/// Report of refused effects in a run's status: the only place that writes the condition `Applied`.
public enum EffectReport {
    /// Type of the condition: false while something that the run needs is refused.
    public static let conditionType = "Applied"

    /// Reasons of an API server that is busy or ill: it refuses nothing for good.
    private static let passing: Set<String> = [
        "TooManyRequests", "InternalError", "ServiceUnavailable", "Timeout", "ServerTimeout", "Conflict",
    ]

    /// The refusal that lasts until somebody acts or room is made; nil if there is none.
    static func lastingRefusal(in conditions: [Condition]?) -> Condition? {
        guard let refusal = conditions?[conditionType], refusal.status == .false,
            !passing.contains(refusal.reason)
        else { return nil }
        return refusal
    }

    /// Forgets what was refused, where it is not wanted any more.
    static func forget(in conditions: inout [Condition]?) {
        conditions?.removeAll { $0.type == conditionType && $0.status == .false }
    }

    /// Notes what was refused; with nothing refused, that all is well again. A status that says so already
    /// stays as it is, and one that never told of a refusal tells of no success.
    ///
    /// - Parameter refusals: CamelCase causes and messages, in the order of the effects.
    public static func note(
        _ refusals: [(reason: String, message: String)], in conditions: inout [Condition]?,
        generation: Int64?, now: Timestamp
    ) {
        var changed = conditions ?? []
        if let first = refusals.first {
            let text = refusals.map(\.message).joined(separator: "; ")
            changed.set(
                Condition(
                    type: conditionType, status: .false, observedGeneration: generation,
                    lastTransitionTime: now, reason: Wording.reason(first.reason),
                    message: Wording.bounded("Refused, and tried again: \(text)")))
        } else {
            guard changed[conditionType]?.status == .false else { return }
            changed.set(
                Condition(
                    type: conditionType, status: .true, observedGeneration: generation,
                    lastTransitionTime: now, reason: "Applied",
                    message: "Everything that the run needs was made"))
        }
        conditions = changed
    }
}
