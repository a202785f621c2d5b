import KubernetesAPI

extension Schema {
    /// Fills in defaults and drops nulls that are not allowed, as an API server does on every read and write:
    /// such a null counts as absent.
    public func applyDefaults(to value: inout JSONValue) {
        applyDefaults(to: &value, depth: 0)
    }

    private func applyDefaults(to value: inout JSONValue, depth: Int) {
        guard depth <= JSONValue.depthLimit else { return }
        switch value {
        case .object(var members):
            value = .null
            complete(&members, depth)
            value = .object(members)
        case .array(var elements):
            guard let items = items?.value else { return }
            value = .null
            for index in elements.indices {
                if elements[index].isNull, !items.isNullable, let fallback = items.defaultValue {
                    elements[index] = fallback
                }
                items.applyDefaults(to: &elements[index], depth: depth + 1)
            }
            value = .array(elements)
        case .null, .bool, .integer, .number, .string: return
        }
    }

    private func complete(_ members: inout [String: JSONValue], _ depth: Int) {
        for (name, property) in properties {
            if members[name] == nil || (members[name] == .some(.null) && !property.isNullable) {
                members[name] = property.defaultValue
            }
            if var member = members[name] {
                members[name] = .null
                property.applyDefaults(to: &member, depth: depth + 1)
                members[name] = member
            }
        }
        guard case .schema(let indirect) = additionalProperties else { return }
        let schema = indirect.value
        for (name, member) in members where properties[name] == nil {
            if member.isNull, !schema.isNullable {
                members[name] = schema.defaultValue
                continue
            }
            var completed = member
            schema.applyDefaults(to: &completed, depth: depth + 1)
            members[name] = completed
        }
    }
}
