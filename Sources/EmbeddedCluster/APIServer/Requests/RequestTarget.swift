import KubernetesAPI

/// Target that the path of a request names.
enum RequestTarget: Sendable, Equatable {
    case nonResource
    case resource(ResourcePath)
}

/// A path below `/api/v1` or `/apis/GROUP/VERSION`, taken apart.
struct ResourcePath: Sendable, Equatable {
    var group: String
    var version: String
    /// Plural of the resource; empty for the group version itself, which is discovery.
    var plural: String
    /// Namespace; empty for cluster-scoped resources and for all namespaces.
    var namespace: String
    /// Name of the object; empty for a collection.
    var name: String
    /// Subresource; empty for the object itself.
    var subresource: String

    /// Whether the path leads through a namespace to something in it: `namespaces/NS/PLURAL`.
    var isInNamespace: Bool { !namespace.isEmpty && plural != "namespaces" }

    /// `pods/log`: as RBAC names it.
    var resource: String { subresource.isEmpty ? plural : "\(plural)/\(subresource)" }
}

extension RequestTarget {
    init(path: String) {
        let segments = path.split(separator: "/").map(String.init)
        let rest: ArraySlice<String>
        var group = ""
        let version: String
        if segments.first == "api", segments.count >= 3 {
            version = segments[1]
            rest = segments[2...]
        } else if segments.first == "apis", segments.count >= 4 {
            group = segments[1]
            version = segments[2]
            rest = segments[3...]
        } else {
            self = .nonResource
            return
        }
        self = .resource(ResourcePath(group: group, version: version, segments: Array(rest)))
    }
}

extension ResourcePath {
    /// `segments` come after the version: `namespaces/NS/pods/NAME/log`, `nodes/NAME`, …
    fileprivate init(group: String, version: String, segments: [String]) {
        // `namespaces/NS/status` is a subresource of the namespace and no resource in it.
        let isNamespaced =
            segments.count >= 3 && segments[0] == "namespaces"
            && !(group.isEmpty && segments.count == 3 && ["status", "finalize"].contains(segments[2]))
        let own = isNamespaced ? Array(segments[2...]) : segments
        self.init(
            group: group, version: version, plural: own.first ?? "",
            namespace: isNamespaced ? segments[1] : "", name: own.count > 1 ? own[1] : "",
            subresource: own.count > 2 ? own[2...].joined(separator: "/") : "")
        // A namespace is in itself, for authorization.
        if group.isEmpty, plural == "namespaces", namespace.isEmpty { namespace = name }
    }
}

extension IncomingRequest {
    /// The verb that RBAC knows.
    func verb(for path: ResourcePath) -> String {
        switch method {
        case "POST": "create"
        case "PUT": "update"
        case "PATCH": "patch"
        case "DELETE": path.name.isEmpty ? "deletecollection" : "delete"
        default: path.name.isEmpty ? (query.flag("watch") ? "watch" : "list") : "get"
        }
    }
}
