import KubernetesAPI
import KubernetesClient
import Planning

/// An effect that the API server refused, as the run's status tells it.
struct EffectFailure: Error, CustomStringConvertible {
    /// CamelCase cause, for a condition.
    let reason: String
    /// Object and cause, for people.
    let description: String
    /// The error itself, which says whether and when another attempt may help.
    let error: any Error

    init(of effect: Effect, _ error: any Error) {
        self.error = error
        reason = Self.reason(error)
        description = Self.subject(effect).map { "\($0): \(error)" } ?? "\(error)"
    }

    /// Whether the refusal lasts until somebody acts, and is worth telling. A conflict passes by itself.
    var isWorthTelling: Bool {
        guard let error = error as? KubernetesError else { return true }
        return !error.isConflict
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? KubernetesError else {
            return error is NameTaken ? "NameTaken" : "Failed"
        }
        if error.isForbidden, error.status?.message?.contains("exceeded quota") == true {
            return "QuotaExceeded"
        }
        return error.status?.reason ?? "Failed"
    }

    private static func subject(_ effect: Effect) -> String? {
        switch effect {
        case .create(let child, _): "create \(child.identity)"
        case .apply(let child, _): "apply \(child.identity)"
        case .patch(let reference, _): "patch \(reference.identity)"
        case .delete(let reference, _): "delete \(reference.identity)"
        case .addFinalizer(let name): "add the finalizer \(name)"
        case .removeFinalizer(let name): "remove the finalizer \(name)"
        case .deleteRun: "delete the run"
        case .event: nil
        }
    }
}
