import KubernetesAPI
import StructuralSchema

/// Defaults and validation of CRDs.
struct CustomResourceDefinitionStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout JSONValue) {
        let kind = object[path: ["spec", "names", "kind"]]?.stringValue ?? ""
        guard !kind.isEmpty else { return }
        for (field, value) in [("singular", kind.lowercased()), ("listKind", kind + "List")]
        where (object[path: ["spec", "names", field]] ?? "").isEmptyText {
            object[path: ["spec", "names", field]] = .string(value)
        }
        if object[path: ["spec", "conversion"]] == nil {
            object[path: ["spec", "conversion"]] = ["strategy": "None"]
        }
    }

    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) {
        let stored = (object[path: ["spec", "versions"]]?.arrayValue ?? [])
            .filter { $0["storage"]?.boolValue == true }.compactMap { $0["name"] }
        object["status"] = [
            "conditions": .null, "acceptedNames": ["plural": "", "kind": ""],
            "storedVersions": .array(stored),
        ]
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        let (group, plural) = (text(spec, "group"), text(spec["names"] ?? [:], "plural"))
        var errors: [FieldError] = []
        if group.isEmpty {
            errors.append(.required("spec.group"))
        } else {
            errors += NameValidation.problems(group, rule: .dnsSubdomain).map {
                .invalid("spec.group", .string(group), $0)
            }
            if !group.contains(".") {
                errors.append(
                    .invalid("spec.group", .string(group), "should be a domain with at least one dot"))
            }
        }
        errors += names(spec["names"] ?? [:])
        let scope = text(spec, "scope")
        if scope.isEmpty {
            errors.append(.required("spec.scope"))
        } else if scope != "Cluster", scope != "Namespaced" {
            errors.append(
                .notSupported("spec.scope", .string(scope), supported: ["Cluster", "Namespaced"]))
        }
        let name = object.objectName
        if name != "\(plural).\(group)" {
            errors.append(
                .invalid("metadata.name", .string(name), "must be spec.names.plural+\".\"+spec.group"))
        }
        return errors + versions(spec)
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        var errors = validateCreate(object, context)
        for field in ["group", "scope"] where object["spec"]?[field] != old["spec"]?[field] {
            errors.append(
                .invalid("spec.\(field)", object["spec"]?[field] ?? .null, "field is immutable"))
        }
        for field in ["kind", "plural"] {
            let path = ["spec", "names", field]
            if object[path: path] != old[path: path] {
                errors.append(
                    .invalid("spec.names.\(field)", object[path: path] ?? .null, "field is immutable"))
            }
        }
        return errors
    }

    /// Adds the finalizer that keeps the definition until its objects are gone.
    func prepareForDeletion(_ object: inout JSONValue) {
        object.finalizers += [CustomResourceDefinition.cleanupFinalizer]
    }

    private func text(_ object: JSONValue, _ field: String) -> String { object[field]?.stringValue ?? "" }

    private func names(_ names: JSONValue) -> [FieldError] {
        var errors: [FieldError] = []
        for field in ["plural", "singular", "kind", "listKind"] {
            let name = text(names, field)
            let path = "spec.names.\(field)"
            if name.isEmpty {
                errors.append(.required(path))
            } else {
                errors += NameValidation.problems(name.lowercased(), rule: .dns1035Label).map {
                    .invalid(path, .string(name), $0)
                }
            }
        }
        if text(names, "kind") == text(names, "listKind"), !text(names, "kind").isEmpty {
            errors.append(
                .invalid(
                    "spec.names.listKind", .string(text(names, "listKind")),
                    "kind and listKind may not be the same"))
        }
        return errors
    }

    private func versions(_ spec: JSONValue) -> [FieldError] {
        let versions = spec["versions"]?.arrayValue ?? []
        guard !versions.isEmpty else {
            return [
                .invalid(
                    "spec.versions", .array([]), "must have exactly one version marked as storage version")
            ]
        }
        var errors: [FieldError] = []
        if versions.filter({ $0["storage"]?.boolValue == true }).count != 1 {
            errors.append(
                .invalid(
                    "spec.versions", .array(versions),
                    "must have exactly one version marked as storage version"))
        }
        if versions.filter({ $0["served"]?.boolValue == true }).count > 1 {
            errors.append(
                .forbidden(
                    "spec.versions",
                    "the embedded cluster serves one version of a custom resource; set served to false for "
                        + "all but the storage version"))
        }
        if text(spec["conversion"] ?? [:], "strategy") == "Webhook" {
            errors.append(
                .notSupported("spec.conversion.strategy", "Webhook", supported: ["None"]))
        }
        for (index, version) in versions.enumerated() {
            // A single version's schema is named as if it stood at the top.
            let path =
                versions.count == 1
                ? "spec.validation.openAPIV3Schema" : "spec.versions[\(index)].schema.openAPIV3Schema"
            errors += schema(version, path) + columns(version, "spec.versions[\(index)]")
        }
        return errors
    }

    private func schema(_ version: JSONValue, _ path: String) -> [FieldError] {
        guard let json = version[path: ["schema", "openAPIV3Schema"]], !json.isNull else {
            return [
                .required(
                    path.replacing("spec.validation", with: "spec.versions[0].schema"), "schemas are required"
                )
            ]
        }
        do {
            _ = try Schema(parsing: json, path: path)
            return []
        } catch {
            return error.errors
        }
    }

    private func columns(_ version: JSONValue, _ path: String) -> [FieldError] {
        let types = ["boolean", "date", "integer", "number", "string"]
        var errors: [FieldError] = []
        for (index, column) in (version["additionalPrinterColumns"]?.arrayValue ?? []).enumerated() {
            let place = "\(path).additionalPrinterColumns[\(index)]"
            if text(column, "name").isEmpty { errors.append(.required("\(place).name")) }
            if !types.contains(text(column, "type")) {
                errors.append(
                    .notSupported("\(place).type", .string(text(column, "type")), supported: types))
            }
            if JSONPathCell(text(column, "jsonPath")) == nil {
                errors.append(
                    .invalid("\(place).jsonPath", column["jsonPath"] ?? "", "is an invalid path"))
            }
        }
        return errors
    }
}
