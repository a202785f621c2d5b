import KubernetesAPI

/// The fields in which two versions of an object differ.
struct Comparison {
    var added = FieldSet()
    var removed = FieldSet()
    var modified = FieldSet()

    private init() {}

    /// Compares two versions. Recursion goes as deep as the objects nest, which their parser limits.
    init(from old: JSONValue, to new: JSONValue, type: MergeType) {
        _ = compare(old, new, type: type)
    }

    /// The differences without the fields of `ignored` and all below them.
    func excluding(_ ignored: FieldSet) -> Comparison {
        guard !ignored.isEmpty else { return self }
        var result = self
        result.added = added.subtractingTrees(ignored)
        result.removed = removed.subtractingTrees(ignored)
        result.modified = modified.subtractingTrees(ignored)
        return result
    }

    private enum Change {
        case none, added, removed, modified
    }

    /// Collects the differences below, and returns the change of the value itself.
    private mutating func compare(_ old: JSONValue?, _ new: JSONValue?, type: MergeType) -> Change {
        let mine = type.division(of: old ?? new)
        let other = type.division(of: new ?? old)
        var isLeaf = false
        for division in mine == other ? [mine] : [mine, other] {
            switch division {
            case .leaf: isLeaf = true
            case .list, .map:
                // Two empty values differ only as a whole.
                if old?.isVacant ?? true, new?.isVacant ?? true {
                    isLeaf = true
                } else if division == .list {
                    compareLists(old?.arrayValue ?? [], new?.arrayValue ?? [], type: type)
                } else {
                    compareMaps(old?.objectValue ?? [:], new?.objectValue ?? [:], type: type)
                }
            }
        }
        guard let old else { return .added }
        guard let new else { return .removed }
        return isLeaf && !old.means(new) ? .modified : .none
    }

    private mutating func compareMember(
        _ element: PathElement, _ old: JSONValue?, _ new: JSONValue?, type: MergeType
    ) {
        var below = Comparison()
        switch below.compare(old, new, type: type) {
        case .none: break
        case .added: added.members.insert(element)
        case .removed: removed.members.insert(element)
        case .modified: modified.members.insert(element)
        }
        added.setChild(element, below.added)
        removed.setChild(element, below.removed)
        modified.setChild(element, below.modified)
    }

    private mutating func compareMaps(
        _ old: [String: JSONValue], _ new: [String: JSONValue], type: MergeType
    ) {
        for (key, value) in old {
            compareMember(.field(key), value, new[key], type: type.member(key))
        }
        for (key, value) in new where old[key] == nil {
            compareMember(.field(key), nil, value, type: type.member(key))
        }
    }

    private mutating func compareLists(_ old: [JSONValue], _ new: [JSONValue], type: MergeType) {
        let before = IdentifiedList(old, type: type)
        let after = IdentifiedList(new, type: type)
        for identity in Set(before.order).union(after.order) {
            let mine = before.elements[identity] ?? []
            let other = after.elements[identity] ?? []
            switch (mine.count > 1, other.count > 1) {
            case (false, false):
                compareMember(identity, mine.first, other.first, type: type.element)
            // Repeated elements of one identity are owned together, without their parts.
            case (true, true):
                let isSame = mine.count == other.count && zip(mine, other).allSatisfy { $0.means($1) }
                if !isSame { modified.members.insert(identity) }
            case (true, false):
                if let only = other.first { compareMember(identity, nil, only, type: type.element) }
                removed.members.insert(identity)
            case (false, true):
                if let only = mine.first { compareMember(identity, only, nil, type: type.element) }
                added.members.insert(identity)
            }
        }
    }
}
