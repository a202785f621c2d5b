import APIServer
import KubernetesAPI
import StructuralSchema

/// `rbac.authorization.k8s.io/v1`
enum RoleKinds {
    static let definitions = [
        role("Role", "roles", isNamespaced: true), role("ClusterRole", "clusterroles", isNamespaced: false),
        binding("RoleBinding", "rolebindings", isNamespaced: true),
        binding("ClusterRoleBinding", "clusterrolebindings", isNamespaced: false),
    ]

    private static let group = "rbac.authorization.k8s.io"

    private static let rule = Schema.object(
        "Verbs that are allowed on resources, or on paths.",
        [
            "verbs": .strings("What is allowed; * is everything."),
            "apiGroups": .strings("Groups of the resources."),
            "resources": .strings("The resources, as pods or pods/log."),
            "resourceNames": .strings("Only objects of these names."),
            "nonResourceURLs": .strings("Paths that are no resources."),
        ], required: ["verbs"])

    private static func role(_ kind: String, _ plural: String, isNamespaced: Bool) -> ResourceDefinition {
        var members: [String: Schema] = ["rules": .listAtomic("What is allowed.", of: rule)]
        if !isNamespaced {
            members["aggregationRule"] = .object(
                "Roles whose rules this one collects.",
                ["clusterRoleSelectors": .listAtomic("Which roles.", of: .labelSelector)])
        }
        return ResourceDefinition(
            type: ResourceType(
                group: group, version: "v1", kind: kind, plural: plural, isNamespaced: isNamespaced),
            schema: .resource("A set of permissions.", members),
            columns: [
                PrinterColumn(
                    "Created At", description: "When it was created.",
                    source: Cells.text(["metadata", "creationTimestamp"], default: "<unknown>"))
            ], nameRule: .pathSegment, strategy: RoleStrategy())
    }

    private static func binding(_ kind: String, _ plural: String, isNamespaced: Bool) -> ResourceDefinition {
        ResourceDefinition(
            type: ResourceType(
                group: group, version: "v1", kind: kind, plural: plural, isNamespaced: isNamespaced),
            schema: .resource(
                "Who has the permissions of a role.",
                [
                    "subjects": .listAtomic(
                        "Who.",
                        of: .object(
                            "A user, a group or a service account.",
                            [
                                "kind": .string("User, Group or ServiceAccount."),
                                "apiGroup": .string("Group of the kind."), "name": .string("The name."),
                                "namespace": .string("Namespace of a service account."),
                            ], required: ["kind", "name"])),
                    "roleRef": .object(
                        "The role. Cannot be updated.",
                        [
                            "apiGroup": .string("Group of the role.").default(.string(group)),
                            "kind": .string("Role or ClusterRole."), "name": .string("Name of the role."),
                        ], required: ["kind", "name"]
                    ).mapType(.atomic),
                ], required: ["roleRef"]),
            columns: [
                PrinterColumn(
                    "Role", description: "The role.",
                    source: .computed { object, _ in
                        let kind = object[path: ["roleRef", "kind"]]?.stringValue ?? ""
                        return .string("\(kind)/\(object[path: ["roleRef", "name"]]?.stringValue ?? "")")
                    }),
                .age, subjects("Users", "User"), subjects("Groups", "Group"),
                subjects("ServiceAccounts", "ServiceAccount"),
            ], nameRule: .pathSegment, strategy: RoleBindingStrategy(isNamespaced: isNamespaced))
    }

    private static func subjects(_ name: String, _ kind: String) -> PrinterColumn {
        PrinterColumn(
            name, description: "\(name) of the binding.", priority: 1,
            source: .computed { object, _ in
                let subjects = (object["subjects"]?.arrayValue ?? []).filter {
                    $0["kind"]?.stringValue == kind
                }
                let names = subjects.map { subject in
                    let namespace = subject["namespace"]?.stringValue.map { "\($0)/" } ?? ""
                    return namespace + (subject["name"]?.stringValue ?? "")
                }
                return .string(names.joined(separator: ", "))
            })
    }
}

struct RoleStrategy: ResourceStrategy {
    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, rule) in (object["rules"]?.arrayValue ?? []).enumerated() {
            let path = "rules[\(index)]"
            let isEmpty = { (field: String) in rule[field]?.arrayValue?.isEmpty ?? true }
            if isEmpty("verbs") {
                errors.append(.required("\(path).verbs", "verbs must contain at least one value"))
            }
            guard isEmpty("nonResourceURLs") else {
                if !isEmpty("apiGroups") || !isEmpty("resources") || !isEmpty("resourceNames") {
                    errors.append(
                        .invalid(
                            "\(path).nonResourceURLs", rule["nonResourceURLs"] ?? .null,
                            "rules cannot apply to both regular resources and non-resource URLs"))
                }
                continue
            }
            if isEmpty("apiGroups") {
                errors.append(
                    .required("\(path).apiGroups", "resource rules must supply at least one api group"))
            }
            if isEmpty("resources") {
                errors.append(
                    .required("\(path).resources", "resource rules must supply at least one resource"))
            }
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] { validateCreate(object, context) }
}

struct RoleBindingStrategy: ResourceStrategy {
    let isNamespaced: Bool
    private static let group: JSONValue = "rbac.authorization.k8s.io"

    func applyDefaults(_ object: inout JSONValue) {
        guard var subjects = object["subjects"]?.arrayValue else { return }
        for index in subjects.indices where subjects[index]["apiGroup"] == nil {
            let kind = subjects[index]["kind"]
            if kind == "User" || kind == "Group" { subjects[index]["apiGroup"] = Self.group }
        }
        object["subjects"] = .array(subjects)
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var errors: [FieldError] = []
        let role = object["roleRef"] ?? [:]
        if let group = role["apiGroup"], group != Self.group {
            errors.append(.notSupported("roleRef.apiGroup", group, supported: ["rbac.authorization.k8s.io"]))
        }
        let kinds = isNamespaced ? ["Role", "ClusterRole"] : ["ClusterRole"]
        if let kind = role["kind"], !kinds.contains(kind.stringValue ?? "") {
            errors.append(.notSupported("roleRef.kind", kind, supported: kinds))
        }
        if role["name"] == "" { errors.append(.required("roleRef.name")) }
        for (index, subject) in (object["subjects"]?.arrayValue ?? []).enumerated() {
            let path = "subjects[\(index)]"
            if subject["name"] == "" { errors.append(.required("\(path).name")) }
            switch subject["kind"]?.stringValue {
            case "ServiceAccount":
                if !isNamespaced, (subject["namespace"]?.stringValue ?? "").isEmpty {
                    errors.append(.required("\(path).namespace"))
                }
            case "User", "Group": break
            default:
                errors.append(
                    .notSupported(
                        "\(path).kind", subject["kind"] ?? .null,
                        supported: ["ServiceAccount", "User", "Group"]))
            }
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        var errors = validateCreate(object, context)
        if object["roleRef"] != old["roleRef"] {
            errors.append(.invalid("roleRef", object["roleRef"] ?? .null, "cannot change roleRef"))
        }
        return errors
    }
}
