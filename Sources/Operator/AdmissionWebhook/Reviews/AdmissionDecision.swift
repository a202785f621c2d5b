import FoundationEssentials
import KubernetesAPI

/// Answer to a request.
public enum AdmissionDecision: Hashable, Sendable {
    /// The request is allowed. `patch` holds RFC 6902 operations; it is empty if nothing changes.
    case allowed(patch: [JSONValue] = [], warnings: [String] = [])
    case refused(Status, warnings: [String] = [])

    public var isAllowed: Bool {
        switch self {
        case .allowed: true
        case .refused: false
        }
    }

    /// The `AdmissionReview` that answers the request with that `uid`.
    public func review(uid: String) -> JSONValue {
        var response: JSONValue = ["uid": .string(uid), "allowed": .bool(isAllowed)]
        let warnings: [String]
        switch self {
        case .allowed(let patch, let said):
            warnings = said
            if !patch.isEmpty {
                response["patchType"] = "JSONPatch"
                response["patch"] = .string(
                    JSONValue.array(patch).serialized().base64EncodedString())
            }
        case .refused(let status, let said):
            warnings = said
            response["status"] = status.json
        }
        if !warnings.isEmpty { response["warnings"] = .array(warnings.map(JSONValue.string)) }
        return [
            "apiVersion": .string(AdmissionRequest.reviewVersion), "kind": "AdmissionReview",
            "response": response,
        ]
    }
}

extension AdmissionDecision {
    /// Refuses an object for its errors, in the words of an API server.
    static func invalid(
        _ request: AdmissionRequest, _ errors: [FieldError], warnings: [String] = []
    ) -> AdmissionDecision {
        let list = errors.map(\.description)
        let joined = list.joined(separator: ", ")
        let problems = list.count == 1 ? joined : "[\(joined)]"
        return .refused(
            Status(
                message: "\(request.subject) is invalid: \(problems)",
                reason: "Invalid",
                details: StatusDetails(
                    name: request.name.isEmpty ? nil : request.name, group: request.group,
                    kind: request.kind, causes: errors.map(\.cause)),
                code: 422), warnings: warnings)
    }
}

extension Status {
    /// The status as it stands in an answer; empty members are left out.
    var json: JSONValue {
        var value: JSONValue = ["kind": "Status", "apiVersion": "v1", "metadata": [:]]
        value["status"] = status.map(JSONValue.string)
        value["message"] = message.map(JSONValue.string)
        value["reason"] = reason.map(JSONValue.string)
        value["code"] = code.map { .integer(Int64($0)) }
        if let details {
            var members: JSONValue = [:]
            members["name"] = details.name.map(JSONValue.string)
            members["group"] = details.group.map(JSONValue.string)
            members["kind"] = details.kind.map(JSONValue.string)
            if let causes = details.causes { members["causes"] = .array(causes.map(\.json)) }
            value["details"] = members
        }
        return value
    }
}

extension StatusCause {
    var json: JSONValue {
        var value: JSONValue = [:]
        value["reason"] = reason.map(JSONValue.string)
        value["message"] = message.map(JSONValue.string)
        value["field"] = field.map(JSONValue.string)
        return value
    }
}
