import KubernetesAPI

extension FieldSet {
    /// The fields that a manager who applies `value` owns.
    ///
    /// Recursion goes as deep as the value nests, which its parser limits.
    init(of value: JSONValue, type: MergeType) {
        self.init()
        collect(value, type: type)
    }

    /// Collects the fields below; true if `value` itself is a leaf, which its container has to insert.
    @discardableResult
    private mutating func collect(_ value: JSONValue, type: MergeType) -> Bool {
        switch type.division(of: value) {
        case .leaf: return true
        case .list:
            guard let list = value.arrayValue else { return false }
            let identified = IdentifiedList(list, type: type)
            for (identity, elements) in identified.elements {
                members.insert(identity)
                guard elements.count == 1, let element = elements.first else { continue }
                var below = FieldSet()
                below.collect(element, type: type.element)
                setChild(identity, below)
            }
            return false
        case .map:
            for (key, member) in value.objectValue ?? [:] {
                let element = PathElement.field(key)
                var below = FieldSet()
                let isLeaf = below.collect(member, type: type.member(key))
                // Members with arbitrary keys are owned beside their parts, and so are empty values, lest
                // nobody own them.
                let isEmpty = member.isNull || member.objectValue?.isEmpty == true
                if isLeaf || isEmpty || !type.declares(key) { members.insert(element) }
                setChild(element, below)
            }
            return false
        }
    }
}
