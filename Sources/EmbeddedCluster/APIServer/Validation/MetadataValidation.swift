import KubernetesAPI

/// The rules of `metadata`, which every kind shares.
package enum MetadataValidation {
    /// Bytes of all annotations together.
    static let annotationsLimit = 256 * 1024

    static func validate(_ object: JSONValue, rule: NameRule) -> [FieldError] {
        let metadata = object["metadata"] ?? [:]
        var errors: [FieldError] = []
        if let prefix = metadata["generateName"]?.stringValue, !prefix.isEmpty {
            errors += NameValidation.problems(prefix: prefix, rule: rule).map {
                .invalid("metadata.generateName", .string(prefix), $0)
            }
        }
        let name = metadata["name"]?.stringValue ?? ""
        if name.isEmpty {
            errors.append(.required("metadata.name", "name or generateName is required"))
        } else {
            errors += NameValidation.problems(name, rule: rule).map {
                .invalid("metadata.name", .string(name), $0)
            }
        }
        errors += labels(metadata["labels"], at: "metadata.labels")
        errors += annotations(metadata["annotations"])
        errors += owners(metadata["ownerReferences"])
        errors += finalizers(metadata["finalizers"])
        return errors
    }

    /// The errors of a map of labels, or of a selector that is one, at `path`.
    package static func labels(_ labels: JSONValue?, at path: String) -> [FieldError] {
        (labels?.objectValue ?? [:]).sorted { $0.key < $1.key }.flatMap { key, value -> [FieldError] in
            let text = value.stringValue ?? ""
            return NameValidation.qualifiedNameProblems(key).map { .invalid(path, .string(key), $0) }
                + NameValidation.labelValueProblems(text).map { .invalid(path, .string(text), $0) }
        }
    }

    private static func annotations(_ annotations: JSONValue?) -> [FieldError] {
        let path = "metadata.annotations"
        let entries = annotations?.objectValue ?? [:]
        var errors: [FieldError] = entries.keys.sorted().flatMap { key in
            NameValidation.qualifiedNameProblems(key.lowercased()).map {
                FieldError.invalid(path, .string(key), $0)
            }
        }
        let size = entries.reduce(0) { $0 + $1.key.utf8.count + ($1.value.stringValue?.utf8.count ?? 0) }
        if size > annotationsLimit { errors.append(.tooLong(path, limit: annotationsLimit)) }
        return errors
    }

    private static func owners(_ owners: JSONValue?) -> [FieldError] {
        var errors: [FieldError] = []
        var controllers: [String] = []
        for owner in owners?.arrayValue ?? [] {
            for field in ["apiVersion", "kind", "name", "uid"]
            where (owner[field]?.stringValue ?? "").isEmpty {
                let what = field == "apiVersion" ? "version must not be empty" : "must not be empty"
                errors.append(.invalid("metadata.ownerReferences.\(field)", "", what))
            }
            if owner["controller"]?.boolValue == true {
                let (kind, name) = (owner["kind"]?.stringValue ?? "", owner["name"]?.stringValue ?? "")
                controllers.append("\(kind)/\(name)")
            }
        }
        if controllers.count > 1 {
            errors.append(
                .invalid(
                    "metadata.ownerReferences", owners ?? .null,
                    "Only one reference can have Controller set to true. Found \"true\" in references for "
                        + controllers.joined(separator: " and ")))
        }
        return errors
    }

    private static func finalizers(_ finalizers: JSONValue?) -> [FieldError] {
        let names = (finalizers?.arrayValue ?? []).compactMap(\.stringValue)
        var errors: [FieldError] = names.flatMap { name in
            NameValidation.qualifiedNameProblems(name).map {
                FieldError.invalid("metadata.finalizers", .string(name), $0)
            }
        }
        if names.contains("orphan"), names.contains("foregroundDeletion") {
            errors.append(
                .invalid(
                    "metadata.finalizers", finalizers ?? .null,
                    "finalizer orphan and foregroundDeletion cannot be both set"))
        }
        return errors
    }

    /// Errors of an update that changes metadata which must stay.
    static func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
        let (new, previous) = (object["metadata"] ?? [:], old["metadata"] ?? [:])
        var errors: [FieldError] = []
        if previous["deletionTimestamp"] != nil {
            let known = Set((previous["finalizers"]?.arrayValue ?? []).compactMap(\.stringValue))
            let added = (new["finalizers"]?.arrayValue ?? []).compactMap(\.stringValue)
                .filter { !known.contains($0) }
            if !added.isEmpty {
                let list = added.map { JSONValue.string($0).text }.joined(separator: ", ")
                errors.append(
                    .forbidden(
                        "metadata.finalizers",
                        "no new finalizers can be added if the object is being deleted, found new finalizers "
                            + "[]string{\(list)}"))
            }
        }
        for field in [
            "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "name",
            "namespace",
        ] where new[field] != previous[field] {
            errors.append(.invalid("metadata.\(field)", new[field] ?? .null, "field is immutable"))
        }
        return errors
    }
}
