/// Attributes of an access, on which authorization decides.
struct AccessAttributes: Hashable, Sendable {
    var verb: String
    var group = ""
    /// The plural; empty for a path that is no resource.
    var resource = ""
    var subresource = ""
    /// Namespace; empty for the cluster scope or all namespaces.
    var namespace = ""
    var name = ""
    /// Whether the access is to something in the namespace, rather than to the namespace itself.
    var isInNamespace = false
    /// Path of an access that is to no resource.
    var path = ""

    init(
        verb: String, group: String, resource: String, subresource: String = "", namespace: String = "",
        name: String = ""
    ) {
        self.verb = verb
        self.group = group
        self.resource = resource
        self.subresource = subresource
        self.namespace = namespace
        self.name = name
        isInNamespace = !namespace.isEmpty
    }

    init(verb: String, path: String) {
        self.verb = verb
        self.path = path
    }

    /// A list or a watch that can meet one object only counts as a request for it, so that a role may be
    /// limited to the object's name.
    init(_ path: ResourcePath, of request: IncomingRequest) {
        let verb = request.verb(for: path)
        var name = path.name
        if name.isEmpty, ["list", "watch", "deletecollection"].contains(verb) {
            name = Self.name(in: request.query["fieldSelector"] ?? "") ?? ""
        }
        self.init(
            verb: verb, group: path.group, resource: path.plural, subresource: path.subresource,
            namespace: path.namespace, name: name)
        isInNamespace = path.isInNamespace
    }

    /// The one name that a field selector lets through.
    private static func name(in fieldSelector: String) -> String? {
        for term in fieldSelector.split(separator: ",") {
            for prefix in ["metadata.name==", "metadata.name="] where term.hasPrefix(prefix) {
                return String(term.dropFirst(prefix.count))
            }
        }
        return nil
    }

    /// `pods/log`
    var qualifiedResource: String { subresource.isEmpty ? resource : "\(resource)/\(subresource)" }
}
