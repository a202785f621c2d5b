import KubernetesAPI

extension JSONValue {
    /// The value without the members and elements that `set` names. A container that loses all of them stays,
    /// empty, unless it is named too.
    ///
    /// Recursion goes as deep as the value nests, which its parser limits.
    func removing(_ set: FieldSet, type: MergeType) -> JSONValue {
        guard !set.isEmpty else { return self }
        switch (type.division(of: self), self) {
        case (.map, .object(var members)):
            for element in set.members {
                if case .field(let key) = element { members[key] = nil }
            }
            for (element, below) in set.children {
                guard case .field(let key) = element, let member = members[key] else { continue }
                members[key] = member.removing(below, type: type.member(key))
            }
            return .object(members)
        case (.list, .array(let elements)):
            var kept: [JSONValue] = []
            for element in elements {
                guard let identity = PathElement.identifying(element, in: type) else {
                    kept.append(element)
                    continue
                }
                if set.members.contains(identity) { continue }
                guard let below = set.children[identity] else {
                    kept.append(element)
                    continue
                }
                kept.append(element.removing(below, type: type.element))
            }
            return .array(kept)
        default:
            return self
        }
    }
}
