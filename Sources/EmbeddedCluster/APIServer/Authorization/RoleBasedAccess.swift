import KubernetesAPI

/// One `rbac.authorization.k8s.io/v1` `PolicyRule`.
struct PolicyRule: Hashable, Sendable {
    var verbs: [String]
    var groups: [String]
    var resources: [String]
    var names: [String]
    var paths: [String]

    init(_ rule: JSONValue) {
        func texts(_ field: String) -> [String] {
            (rule[field]?.arrayValue ?? []).compactMap(\.stringValue)
        }
        verbs = texts("verbs")
        groups = texts("apiGroups")
        resources = texts("resources")
        names = texts("resourceNames")
        paths = texts("nonResourceURLs")
    }

    func allows(_ attributes: AccessAttributes) -> Bool {
        guard verbs.contains("*") || verbs.contains(attributes.verb) else { return false }
        if attributes.resource.isEmpty {
            return paths.contains { path in
                path == "*" || path == attributes.path
                    || (path.hasSuffix("*") && attributes.path.hasPrefix(path.dropLast()))
            }
        }
        guard groups.contains("*") || groups.contains(attributes.group) else { return false }
        let isResource = resources.contains { resource in
            resource == "*" || resource == attributes.qualifiedResource
                || (!attributes.subresource.isEmpty && resource == "*/\(attributes.subresource)")
        }
        return isResource && (names.isEmpty || names.contains(attributes.name))
    }
}

extension ServerCore {
    private static let rbac = "rbac.authorization.k8s.io"

    /// The group of those who may do everything, whatever the roles say.
    static let masters = "system:masters"

    func isAllowed(_ user: UserInfo, _ attributes: AccessAttributes) -> Bool {
        if user.groups.contains(Self.masters) { return true }
        return rules(for: user, namespace: attributes.namespace).contains { $0.allows(attributes) }
    }

    /// All rules that hold for a user: those of the cluster, and those of one namespace.
    func rules(for user: UserInfo, namespace: String) -> [PolicyRule] {
        var rules: [PolicyRule] = []
        let clusterBindings = store.list(GroupResource(group: Self.rbac, plural: "clusterrolebindings"))
        for binding in clusterBindings.objects where Self.names(user, binding.value, namespace: "") {
            rules += self.rules(of: binding.value, namespace: "")
        }
        guard !namespace.isEmpty else { return rules }
        let bindings = store.list(
            GroupResource(group: Self.rbac, plural: "rolebindings"), namespace: namespace)
        for binding in bindings.objects where Self.names(user, binding.value, namespace: namespace) {
            rules += self.rules(of: binding.value, namespace: namespace)
        }
        return rules
    }

    private static func names(_ user: UserInfo, _ binding: JSONValue, namespace: String) -> Bool {
        (binding["subjects"]?.arrayValue ?? []).contains { subject in
            let name = subject["name"]?.stringValue ?? ""
            switch subject["kind"]?.stringValue {
            case "User": return name == user.name
            case "Group": return user.groups.contains(name)
            case "ServiceAccount":
                let home = subject["namespace"]?.stringValue ?? namespace
                return user.name == "system:serviceaccount:\(home):\(name)"
            default: return false
            }
        }
    }

    private func rules(of binding: JSONValue, namespace: String) -> [PolicyRule] {
        let reference = binding["roleRef"]
        let isCluster = reference?["kind"]?.stringValue == "ClusterRole"
        let role = store.get(
            GroupResource(group: Self.rbac, plural: isCluster ? "clusterroles" : "roles"),
            ObjectKey(
                namespace: isCluster ? "" : namespace, name: reference?["name"]?.stringValue ?? ""))
        return (role?.value["rules"]?.arrayValue ?? []).map(PolicyRule.init)
    }

    /// Throws 403, in the words of a real server.
    func authorize(_ user: UserInfo, _ attributes: AccessAttributes) throws(APIError) {
        guard !isAllowed(user, attributes) else { return }
        guard !attributes.resource.isEmpty else {
            throw APIError(
                code: 403, reason: "Forbidden",
                message: "forbidden: User \"\(user.name)\" cannot \(attributes.verb) path "
                    + "\"\(attributes.path)\"", details: StatusDetails())
        }
        let type = ResourceType(
            group: attributes.group, version: "", kind: "", plural: attributes.resource)
        let scope =
            attributes.isInNamespace
            ? "in the namespace \"\(attributes.namespace)\"" : "at the cluster scope"
        throw .forbidden(
            type, name: attributes.verb == "create" && attributes.subresource.isEmpty ? "" : attributes.name,
            "User \"\(user.name)\" cannot \(attributes.verb) resource \"\(attributes.qualifiedResource)\" in "
                + "API group \"\(attributes.group)\" \(scope)")
    }
}
