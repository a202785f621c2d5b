import APIServer
import KubernetesAPI

/// Requests that a webhook wants to see: `RuleWithOperations`.
struct WebhookRule: Sendable {
    var operations: Set<String>
    var groups: Set<String>
    var versions: Set<String>
    /// `pods`, `pods/status`, `pods/*`, `*`, `*/status`, `*/*`
    var resources: [String]
    /// `Cluster`, `Namespaced` or `*`
    var scope: String

    init(_ rule: JSONValue) {
        func texts(_ key: String) -> [String] { (rule[key]?.arrayValue ?? []).compactMap(\.stringValue) }
        operations = Set(texts("operations"))
        groups = Set(texts("apiGroups"))
        versions = Set(texts("apiVersions"))
        resources = texts("resources")
        scope = rule["scope"]?.stringValue ?? "*"
    }

    func matches(_ request: AdmissionRequest) -> Bool {
        let type = request.definition.type
        return Self.allows(operations, request.operation.rawValue) && Self.allows(groups, type.group)
            && Self.allows(versions, type.version) && scopeMatches(request)
            && resources.contains {
                Self.matches($0, plural: type.plural, subresource: request.subresource ?? "")
            }
    }

    private static func allows(_ set: Set<String>, _ value: String) -> Bool {
        set.contains("*") || set.contains(value)
    }

    private func scopeMatches(_ request: AdmissionRequest) -> Bool {
        switch scope {
        case "Namespaced": request.definition.type.isNamespaced
        case "Cluster": !request.definition.type.isNamespaced
        default: true
        }
    }

    private static func matches(_ pattern: String, plural: String, subresource: String) -> Bool {
        let parts = pattern.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let resource = parts.first else { return false }
        let wanted = parts.count > 1 ? parts[1] : ""
        return (resource == "*" || resource == plural) && (wanted == "*" || wanted == subresource)
    }
}
