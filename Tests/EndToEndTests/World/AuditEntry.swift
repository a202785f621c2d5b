import Foundation
import KubernetesAPI

/// One request to the API server.
struct AuditEntry: Sendable, CustomStringConvertible {
    var user: String
    var userAgent: String
    var verb: String
    var resource: String
    var subresource: String
    var namespace: String
    var name: String
    var group: String
    var code: Int64
    /// Whether the user's roles did not allow the request.
    var isRefused: Bool

    /// Reads a line that `anneal-local` wrote, or an event of `audit.k8s.io/v1`.
    init(_ line: JSONValue) {
        let isEvent = line["kind"]?.stringValue == "Event"
        let object = isEvent ? line["objectRef"] ?? [:] : line
        func text(_ value: JSONValue?) -> String { value?.stringValue ?? "" }
        user = text(isEvent ? line[path: ["user", "username"]] : line["user"])
        userAgent = text(line["userAgent"])
        verb = text(line["verb"])
        group = text(object[isEvent ? "apiGroup" : "group"])
        resource = text(object["resource"])
        subresource = text(object["subresource"])
        namespace = text(object["namespace"])
        name = text(object["name"])
        code = (isEvent ? line[path: ["responseStatus", "code"]] : line["code"])?.integerValue ?? 0
        let decision =
            isEvent
            ? line[path: ["annotations", "authorization.k8s.io/decision"]] : line["decision"]
        isRefused = text(decision) == "forbid"
    }

    var description: String {
        "\(userAgent): \(verb) \(resource)/\(subresource) \(namespace)/\(name) → \(code)"
    }

    /// Whether the operator or a pod made the request.
    var isOfServiceAccount: Bool {
        user.hasPrefix("system:serviceaccount:") && !user.contains(":kube-system:")
    }
    var isOfAnneal: Bool { userAgent.hasPrefix("anneal-operator") || userAgent.hasPrefix("anneal-agent") }
    var isWrite: Bool { ["create", "update", "patch", "delete", "deletecollection"].contains(verb) }
}
