import KubernetesAPI

/// A set of paths into an object: the fields that a manager owns.
public struct FieldSet: Hashable, Sendable {
    /// Last steps of the paths that end here.
    var members: Set<PathElement> = []
    /// Sets of the paths that go on; none of them is empty.
    var children: [PathElement: FieldSet] = [:]

    public init() {}

    /// Makes a set of one path.
    init(path: [PathElement]) {
        self.init()
        insert(path[...])
    }

    public var isEmpty: Bool { members.isEmpty && children.isEmpty }

    mutating func insert(_ path: ArraySlice<PathElement>) {
        guard let first = path.first else { return }
        let rest = path.dropFirst()
        if rest.isEmpty {
            members.insert(first)
        } else {
            children[first, default: FieldSet()].insert(rest)
        }
    }

    /// Sets the subset below `element`; an empty one is dropped.
    mutating func setChild(_ element: PathElement, _ set: FieldSet) {
        children[element] = set.isEmpty ? nil : set
    }

    func contains(_ path: [PathElement]) -> Bool {
        var current = self
        for element in path.dropLast() {
            guard let next = current.children[element] else { return false }
            current = next
        }
        return path.last.map { current.members.contains($0) } ?? false
    }

    func union(_ other: FieldSet) -> FieldSet {
        var result = self
        result.members.formUnion(other.members)
        for (element, set) in other.children {
            result.children[element] = result.children[element]?.union(set) ?? set
        }
        return result
    }

    func intersection(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        result.members = members.intersection(other.members)
        for (element, set) in children {
            guard let others = other.children[element] else { continue }
            result.setChild(element, set.intersection(others))
        }
        return result
    }

    func subtracting(_ other: FieldSet) -> FieldSet {
        var result = self
        result.members.subtract(other.members)
        for (element, set) in children {
            guard let others = other.children[element] else { continue }
            result.setChild(element, set.subtracting(others))
        }
        return result
    }

    /// The set without the paths of `other` and all paths below them.
    func subtractingTrees(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        result.members = members.subtracting(other.members)
        for (element, set) in children where !other.members.contains(element) {
            result.setChild(element, other.children[element].map { set.subtractingTrees($0) } ?? set)
        }
        return result
    }

    /// The set with each declared field on the way to a path as a path itself: removing all parts of a field
    /// then removes the field.
    func includingDeclaredParents(of type: MergeType) -> FieldSet {
        var result = self
        for (element, set) in children {
            var below = type.element
            if case .field(let name) = element {
                below = type.member(name)
                if type.declares(name) { result.members.insert(element) }
            }
            result.children[element] = set.includingDeclaredParents(of: below)
        }
        return result
    }

    /// All paths, in a fixed order: paths that end here come before those that go on.
    var paths: [[PathElement]] {
        var result: [[PathElement]] = []
        collect(into: &result, prefix: [])
        return result
    }

    private func collect(into result: inout [[PathElement]], prefix: [PathElement]) {
        for element in members.sorted() { result.append(prefix + [element]) }
        for (element, set) in children.sorted(by: { $0.key < $1.key }) {
            set.collect(into: &result, prefix: prefix + [element])
        }
    }
}

// MARK: fieldsV1

extension FieldSet {
    /// Decodes `fieldsV1`; nil if it is malformed or nests too deep.
    public init?(fieldsV1 value: JSONValue) {
        self.init(value, depth: JSONValue.depthLimit)
    }

    private init?(_ value: JSONValue, depth: Int) {
        guard depth > 0, let entries = value.objectValue else { return nil }
        self.init()
        for (key, below) in entries where key != "." {
            guard let element = PathElement(encoded: key), let nested = below.objectValue else { return nil }
            if nested.isEmpty || nested["."] != nil { members.insert(element) }
            guard let set = FieldSet(below, depth: depth - 1) else { return nil }
            setChild(element, set)
        }
    }

    /// The form used in `metadata.managedFields`: `{"f:spec":{".":{},"f:size":{}}}`.
    public var fieldsV1: JSONValue {
        var entries: [String: JSONValue] = [:]
        for element in members { entries[element.encoded] = [:] }
        for (element, set) in children {
            var nested = set.fieldsV1
            if members.contains(element) { nested["."] = [:] }
            entries[element.encoded] = nested
        }
        return .object(entries)
    }
}
