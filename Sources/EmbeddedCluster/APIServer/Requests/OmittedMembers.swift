import KubernetesAPI
import StructuralSchema

extension JSONValue {
    /// Leaves out empty maps and lists that are optional, as a real server does with the kinds that it has
    /// as Go structs. Empty structs stay.
    mutating func omitVacant(_ schema: Schema, depth: Int = 0) {
        guard depth <= JSONValue.depthLimit else { return }
        switch self {
        case .object(var members):
            self = .null
            for (name, member) in members {
                guard let property = schema.properties[name] ?? schema.valueSchema else { continue }
                let isDeclared = schema.properties[name] != nil
                if isDeclared, !schema.required.contains(name), member.isVacant(property) {
                    members[name] = JSONValue?.none
                    continue
                }
                members[name] = .null
                var kept = member
                kept.omitVacant(property, depth: depth + 1)
                members[name] = kept
            }
            self = .object(members)
        case .array(var elements):
            guard let items = schema.items?.value else { return }
            self = .null
            for index in elements.indices { elements[index].omitVacant(items, depth: depth + 1) }
            self = .array(elements)
        case .null, .bool, .integer, .number, .string: return
        }
    }

    private func isVacant(_ schema: Schema) -> Bool {
        switch self {
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty && schema.valueSchema != nil
        case .null, .bool, .integer, .number, .string: false
        }
    }
}

extension Schema {
    /// Schema of a map's values; nil for anything but a map.
    fileprivate var valueSchema: Schema? {
        if case .schema(let values) = additionalProperties { values.value } else { nil }
    }
}
