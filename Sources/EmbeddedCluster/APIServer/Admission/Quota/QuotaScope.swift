import KubernetesAPI

/// Which pods a quota is about, where it isn't about all.
enum QuotaScope {
    static func matches(_ quota: JSONValue, _ object: JSONValue, _ type: ResourceType) -> Bool {
        let scopes = (quota[path: ["spec", "scopes"]]?.arrayValue ?? []).compactMap(\.stringValue)
        let expressions = quota[path: ["spec", "scopeSelector", "matchExpressions"]]?.arrayValue ?? []
        guard !scopes.isEmpty || !expressions.isEmpty else { return true }
        // Scopes are said of pods only.
        guard type.group.isEmpty, type.plural == "pods" else { return false }
        return scopes.allSatisfy { matches($0, "Exists", [], object) }
            && expressions.allSatisfy { expression in
                matches(
                    expression["scopeName"]?.stringValue ?? "",
                    expression["operator"]?.stringValue ?? "Exists",
                    (expression["values"]?.arrayValue ?? []).compactMap(\.stringValue), object)
            }
    }

    private static func matches(
        _ scope: String, _ operation: String, _ values: [String], _ pod: JSONValue
    ) -> Bool {
        let ends = (pod[path: ["spec", "activeDeadlineSeconds"]]?.integerValue ?? -1) >= 0
        switch scope {
        case "Terminating": return ends
        case "NotTerminating": return !ends
        case "BestEffort": return PodUsage.isBestEffort(pod)
        case "NotBestEffort": return !PodUsage.isBestEffort(pod)
        case "PriorityClass":
            let name = pod[path: ["spec", "priorityClassName"]]?.stringValue ?? ""
            switch operation {
            case "In": return values.contains(name)
            case "NotIn": return !values.contains(name)
            case "DoesNotExist": return name.isEmpty
            default: return !name.isEmpty
            }
        default: return false
        }
    }
}
