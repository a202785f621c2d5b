import KubernetesAPI

/// Rules of a pod's update, which may change little.
enum PodUpdateValidation {
    private static let message =
        "pod updates may not change fields other than `spec.containers[*].image`,"
        + "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to"
        + " existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was"
        + " previously negative)"

    static func validate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
        guard let spec = object["spec"], let former = old["spec"], spec != former else { return [] }
        let names = { (spec: JSONValue, list: String) in spec[list]?.arrayValue?.count ?? 0 }
        if names(spec, "containers") != names(former, "containers") {
            return [.forbidden("spec.containers", "pod updates may not add or remove containers")]
        }
        if names(spec, "initContainers") != names(former, "initContainers") {
            return [.forbidden("spec.initContainers", "pod updates may not add or remove containers")]
        }
        var errors: [FieldError] = []
        let old = former["tolerations"]?.arrayValue ?? []
        let new = spec["tolerations"]?.arrayValue ?? []
        if !old.allSatisfy({ known in new.contains { isSame($0, known) } }) {
            errors.append(
                .forbidden(
                    "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"
                ))
        }
        errors += deadline(spec, former)
        if changeable(removedFrom: spec, former) != changeable(removedFrom: former, former) {
            errors.append(.forbidden("spec", message))
        }
        return errors
    }

    private static func isSame(_ a: JSONValue, _ b: JSONValue) -> Bool {
        ["key", "operator", "value", "effect"].allSatisfy { a[$0] == b[$0] }
    }

    /// A deadline may come and shrink, and no more.
    private static func deadline(_ spec: JSONValue, _ former: JSONValue) -> [FieldError] {
        let path = "spec.activeDeadlineSeconds"
        guard let old = former["activeDeadlineSeconds"]?.integerValue else { return [] }
        guard let new = spec["activeDeadlineSeconds"]?.integerValue else {
            return [.invalid(path, .null, "must not update from a positive integer to nil value")]
        }
        if new > old {
            return [.invalid(path, .integer(new), "must be less than or equal to previous value")]
        }
        return []
    }

    /// The spec without what may change.
    private static func changeable(removedFrom spec: JSONValue, _ former: JSONValue) -> JSONValue {
        var rest = spec
        for list in ["containers", "initContainers"] {
            guard var containers = rest[list]?.arrayValue else { continue }
            for index in containers.indices {
                containers[index]["image"] = nil
                containers[index]["resources"] = nil
            }
            rest[list] = .array(containers)
        }
        for field in ["activeDeadlineSeconds", "tolerations", "ephemeralContainers"] { rest[field] = nil }
        if (former["terminationGracePeriodSeconds"]?.integerValue ?? 0) < 0,
            spec["terminationGracePeriodSeconds"] == 1
        {
            rest["terminationGracePeriodSeconds"] = former["terminationGracePeriodSeconds"]
        }
        // Gates may only be removed; a pod that still has gates may still be placed.
        if former["schedulingGates"]?.arrayValue?.isEmpty == false {
            for field in ["schedulingGates", "nodeSelector", "affinity"] { rest[field] = nil }
        }
        return rest
    }
}
