import KubernetesAPI

/// `nodeSelector` and required node affinity.
enum NodeSelection {
    static func matches(_ spec: PodSpec, labels: [String: String], name: String) -> Bool {
        for (key, value) in spec.nodeSelector ?? [:] where labels[key] != value { return false }
        guard let required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
        else {
            return true
        }
        // Terms are alternatives; an empty term matches nothing.
        return required.nodeSelectorTerms.contains { term in
            let expressions = term.matchExpressions ?? []
            return !expressions.isEmpty && expressions.allSatisfy { matches($0, labels[$0.key]) }
        }
    }

    static func matches(_ requirement: SelectorRequirement, _ value: String?) -> Bool {
        let values = requirement.values ?? []
        switch requirement.operator {
        case "In": return value.map(values.contains) ?? false
        case "NotIn": return value.map { !values.contains($0) } ?? true
        case "Exists": return value != nil
        case "DoesNotExist": return value == nil
        case "Gt", "Lt":
            guard let number = value.flatMap({ Int64($0) }), let bound = values.first.flatMap({ Int64($0) })
            else {
                return false
            }
            return requirement.operator == "Gt" ? number > bound : number < bound
        default: return false
        }
    }
}

extension LabelSelector {
    /// Whether labels satisfy the selector; an empty one matches everything.
    public func matches(_ labels: [String: String]) -> Bool {
        (matchLabels ?? [:]).allSatisfy { labels[$0.key] == $0.value }
            && (matchExpressions ?? []).allSatisfy { NodeSelection.matches($0, labels[$0.key]) }
    }
}
