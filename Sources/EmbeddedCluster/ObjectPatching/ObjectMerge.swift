import KubernetesAPI

/// Merges an applied configuration into an object.
enum ObjectMerge {
    /// `live` with the values of `applied`. A list has the order of `applied`, with the other elements at
    /// their places.
    ///
    /// Recursion goes as deep as the objects nest, which their parser limits.
    static func merge(_ live: JSONValue, with applied: JSONValue, type: MergeType) -> JSONValue {
        let division = type.division(of: applied)
        guard division != .leaf, !(live.isVacant && applied.isVacant) else { return applied }
        switch division {
        case .leaf: return applied
        case .map:
            guard live.objectValue != nil || live.isNull else { return applied }
            var members = live.objectValue ?? [:]
            for (key, value) in applied.objectValue ?? [:] {
                let old = members[key]
                members[key] = old.map { merge($0, with: value, type: type.member(key)) } ?? value
            }
            return .object(members)
        case .list:
            guard live.arrayValue != nil || live.isNull else { return applied }
            return .array(mergeLists(live.arrayValue ?? [], applied.arrayValue ?? [], type: type))
        }
    }

    private static func mergeLists(
        _ live: [JSONValue], _ applied: [JSONValue], type: MergeType
    ) -> [JSONValue] {
        let left = IdentifiedList(live, type: type)
        let right = IdentifiedList(applied, type: type)
        var shared = right.order.filter { left.contains($0) }[...]
        var taken: Set<PathElement> = []
        var result: [JSONValue] = []
        var leftIndex = 0
        var rightIndex = 0

        func takeRight() {
            let identity = right.order[rightIndex]
            let value = applied[rightIndex]
            let old = left.unique(identity)
            result.append(old.map { merge($0, with: value, type: type.element) } ?? value)
            taken.insert(identity)
            if shared.first == identity { shared.removeFirst() }
            rightIndex += 1
        }

        while leftIndex < live.count || rightIndex < applied.count {
            guard leftIndex < live.count else {
                takeRight()
                continue
            }
            let identity = left.order[leftIndex]
            if rightIndex < applied.count, right.order[rightIndex] == identity {
                takeRight()
                leftIndex += 1
            } else if rightIndex < applied.count, right.contains(identity), let next = shared.first,
                next != identity
            {
                // The element comes at its place in the applied list.
                leftIndex += 1
            } else if !right.contains(identity) {
                result.append(live[leftIndex])
                leftIndex += 1
            } else {
                if taken.contains(identity) || rightIndex >= applied.count { leftIndex += 1 }
                if rightIndex < applied.count { takeRight() }
            }
        }
        return result
    }
}
