import KubernetesAPI

/// The roles that every cluster has from the start.
enum BootstrapPolicy {
    private static let group = "rbac.authorization.k8s.io"

    static var objects: [(GroupResource, JSONValue)] {
        roles.map { (GroupResource(group: group, plural: "clusterroles"), role($0.name, $0.rules)) }
            + bindings.map {
                (GroupResource(group: group, plural: "clusterrolebindings"), binding($0.role, $0.groups))
            }
    }

    private static func rule(_ verbs: [JSONValue], _ groups: [JSONValue], _ resources: [JSONValue])
        -> JSONValue
    {
        ["verbs": .array(verbs), "apiGroups": .array(groups), "resources": .array(resources)]
    }

    private static let read: [JSONValue] = ["get", "list", "watch"]
    private static let write: [JSONValue] = [
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    ]
    private static let workloads: [JSONValue] = [
        "configmaps", "events", "persistentvolumeclaims", "pods", "pods/log", "serviceaccounts", "services",
    ]

    private static let publicPaths: JSONValue = [
        "verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"],
    ]

    private static let roles: [(name: String, rules: [JSONValue])] = [
        ("cluster-admin", [rule(["*"], ["*"], ["*"]), ["verbs": ["*"], "nonResourceURLs": ["*"]]]),
        (
            "admin",
            [
                rule(write, [""], workloads + ["secrets"]), rule(write, ["batch"], ["jobs", "cronjobs"]),
                rule(write, [.string(group)], ["roles", "rolebindings"]),
                rule(read, [""], ["namespaces", "resourcequotas", "limitranges"]),
            ]
        ),
        (
            "edit",
            [
                rule(write, [""], workloads + ["secrets"]), rule(write, ["batch"], ["jobs", "cronjobs"]),
                rule(read, [""], ["namespaces", "resourcequotas", "limitranges"]),
            ]
        ),
        (
            "view",
            [
                rule(read, [""], workloads + ["namespaces", "resourcequotas", "limitranges"]),
                rule(read, ["batch"], ["jobs", "cronjobs"]),
            ]
        ),
        (
            "system:basic-user",
            [
                rule(
                    ["create"], ["authorization.k8s.io"],
                    ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
                rule(["create"], ["authentication.k8s.io"], ["selfsubjectreviews"]),
            ]
        ),
        (
            "system:discovery",
            [
                [
                    "verbs": ["get"],
                    "nonResourceURLs": [
                        "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
                        "/readyz", "/version", "/version/",
                    ],
                ]
            ]
        ),
        ("system:public-info-viewer", [publicPaths]),
    ]

    private static let bindings: [(role: String, groups: [String])] = [
        ("cluster-admin", [ServerCore.masters]),
        ("system:basic-user", ["system:authenticated"]),
        ("system:discovery", ["system:authenticated"]),
        ("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
    ]

    private static func role(_ name: String, _ rules: [JSONValue]) -> JSONValue {
        [
            "apiVersion": .string("\(group)/v1"), "kind": "ClusterRole",
            "metadata": ["name": .string(name), "labels": ["kubernetes.io/bootstrapping": "rbac-defaults"]],
            "rules": .array(rules),
        ]
    }

    private static func binding(_ role: String, _ groups: [String]) -> JSONValue {
        [
            "apiVersion": .string("\(group)/v1"), "kind": "ClusterRoleBinding",
            "metadata": ["name": .string(role), "labels": ["kubernetes.io/bootstrapping": "rbac-defaults"]],
            "roleRef": ["apiGroup": .string(group), "kind": "ClusterRole", "name": .string(role)],
            "subjects": .array(
                groups.map {
                    ["kind": "Group", "apiGroup": .string(group), "name": .string($0)]
                }),
        ]
    }
}
