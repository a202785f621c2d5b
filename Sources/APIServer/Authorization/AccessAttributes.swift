/// What somebody wants to do.
struct AccessAttributes: Hashable, Sendable {
    var verb: String
    var group = ""
    /// The plural; empty for a path that is no resource.
    var resource = ""
    var subresource = ""
    /// Empty for the cluster scope or all namespaces.
    var namespace = ""
    var name = ""
    /// The path, where there is no resource.
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
    }

    init(verb: String, path: String) {
        self.verb = verb
        self.path = path
    }

    init(_ path: ResourcePath, verb: String) {
        self.init(
            verb: verb, group: path.group, resource: path.plural, subresource: path.subresource,
            namespace: path.namespace, name: path.name)
    }

    /// `pods/log`
    var qualifiedResource: String { subresource.isEmpty ? resource : "\(resource)/\(subresource)" }
}
