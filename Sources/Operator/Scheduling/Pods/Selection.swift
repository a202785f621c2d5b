import KubernetesAPI

extension SelectorRequirement {
    /// Whether the requirement holds of a label or field.
    ///
    /// - Parameter value: The value of `key`; nil where there is none.
    public func matches(_ value: String?) -> Bool {
        let values = values ?? []
        switch `operator` {
        case "In": return value.map(values.contains) ?? false
        case "NotIn": return value.map { !values.contains($0) } ?? true
        case "Exists": return value != nil
        case "DoesNotExist": return value == nil
        case "Gt", "Lt":
            guard values.count == 1, let bound = values.first.flatMap({ Int64($0) }),
                let number = value.flatMap({ Int64($0) })
            else { return false }
            return `operator` == "Gt" ? number > bound : number < bound
        default: return false
        }
    }
}

extension LabelSelector {
    /// Whether labels satisfy the selector; an empty one matches everything.
    public func matches(_ labels: [String: String]) -> Bool { matches { labels[$0] } }

    /// Whether labels, given by a function from key to value, satisfy the selector.
    public func matches(label: (String) -> String?) -> Bool {
        (matchLabels ?? [:]).allSatisfy { label($0.key) == $0.value }
            && (matchExpressions ?? []).allSatisfy { $0.matches(label($0.key)) }
    }
}

extension NodeSelector {
    /// Whether the node satisfies one of the terms. A term without conditions matches nothing.
    public func matches(labels: [String: String], name: String) -> Bool {
        nodeSelectorTerms.contains { $0.matches(labels: labels, name: name) }
    }
}

extension NodeSelectorTerm {
    /// Whether the node satisfies all conditions of the term. A term without conditions matches nothing.
    public func matches(labels: [String: String], name: String) -> Bool {
        let expressions = matchExpressions ?? []
        let fields = matchFields ?? []
        return !(expressions.isEmpty && fields.isEmpty)
            && expressions.allSatisfy { $0.matches(labels[$0.key]) }
            && fields.allSatisfy { $0.key == "metadata.name" && $0.matches(name) }
    }
}
