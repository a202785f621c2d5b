import KubernetesAPI

/// Rules of security contexts.
enum SecurityValidation {
    static func validatePod(_ spec: JSONValue, at path: String) -> [FieldError] {
        var errors = identities(spec["securityContext"], at: "\(path).securityContext", ["fsGroup"])
        if spec["hostPID"] == true, spec["shareProcessNamespace"] == true {
            errors.append(
                .invalid(
                    "\(path).shareProcessNamespace", true,
                    "ShareProcessNamespace and HostPID cannot both be enabled"))
        }
        for (index, group) in (spec[path: ["securityContext", "supplementalGroups"]]?.arrayValue ?? [])
            .enumerated()
        {
            guard let id = group.integerValue, !isIdentity(id) else { continue }
            errors.append(
                .invalid("\(path).securityContext.supplementalGroups[\(index)]", group, identityMessage))
        }
        return errors
    }

    static func validateContainer(_ container: JSONValue, at path: String) -> [FieldError] {
        guard let context = container["securityContext"] else { return [] }
        let place = "\(path).securityContext"
        var errors = identities(context, at: place, [])
        if context["allowPrivilegeEscalation"] == false {
            if context["privileged"] == true {
                errors.append(
                    .invalid(
                        place, context,
                        "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"))
            }
            let added = context[path: ["capabilities", "add"]]?.arrayValue ?? []
            if added.contains("CAP_SYS_ADMIN") {
                errors.append(
                    .invalid(
                        place, context,
                        "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")
                )
            }
        }
        return errors
    }

    private static let identityMessage = "must be between 0 and 2147483647, inclusive"

    private static func isIdentity(_ id: Int64) -> Bool { (0...Int64(Int32.max)).contains(id) }

    private static func identities(_ context: JSONValue?, at path: String, _ more: [String]) -> [FieldError] {
        (["runAsUser", "runAsGroup"] + more).compactMap { field in
            guard let id = context?[field]?.integerValue, !isIdentity(id) else { return nil }
            return .invalid("\(path).\(field)", .integer(id), identityMessage)
        }
    }
}
