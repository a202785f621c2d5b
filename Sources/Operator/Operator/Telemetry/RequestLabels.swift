import KubernetesAPI

/// Labels of a request to the API server in metrics: never an object's name.
struct RequestLabels: Hashable, Sendable {
    var verb: String
    /// The plural, with the subresource if there is one: `pods`, `trainingjobs/status`.
    var resource: String

    init(_ request: APIRequest) {
        var rest = request.path.split(separator: "/")[...]
        switch rest.popFirst() {
        case "api": rest = rest.dropFirst(1)
        case "apis": rest = rest.dropFirst(2)
        default: rest = []
        }
        if rest.first == "namespaces", rest.count > 2 { rest = rest.dropFirst(2) }
        let parts = Array(rest)
        let hasName = parts.count > 1
        resource = parts.first.map(String.init) ?? "other"
        if parts.count > 2 { resource += "/\(parts[2])" }
        verb =
            switch request.method {
            case .get where request.query.contains { $0.name == "watch" }: "watch"
            case .get: hasName ? "get" : "list"
            case .post: "create"
            case .put: "update"
            case .patch: "patch"
            case .delete: hasName ? "delete" : "deletecollection"
            }
    }
}
