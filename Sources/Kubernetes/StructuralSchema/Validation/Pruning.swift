import KubernetesAPI

extension Schema {
    /// Removes undeclared members. Returns their paths in order: `spec.unknown`, `spec.items[0].extra`.
    @discardableResult
    public func prune(_ value: inout JSONValue) -> [String] {
        var removed: [String] = []
        prune(&value, at: "", depth: 0, into: &removed)
        return removed
    }

    /// The paths of undeclared members, which strict field validation refuses.
    public func unknownFields(in value: JSONValue) -> [String] {
        var copy = value
        return prune(&copy)
    }

    private func prune(_ value: inout JSONValue, at path: String, depth: Int, into removed: inout [String]) {
        guard depth <= JSONValue.depthLimit else { return }
        switch value {
        case .object(var members):
            value = .null
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                let place = path.isEmpty ? name : "\(path).\(name)"
                guard let schema = memberSchema(name) else {
                    if !keepsUnknown {
                        members[name] = nil
                        removed.append(place)
                    }
                    continue
                }
                var pruned = member
                members[name] = .null
                schema.prune(&pruned, at: place, depth: depth + 1, into: &removed)
                members[name] = pruned
            }
            value = .object(members)
        case .array(var elements):
            guard let items = items?.value else { return }
            value = .null
            for index in elements.indices {
                items.prune(&elements[index], at: "\(path)[\(index)]", depth: depth + 1, into: &removed)
            }
            value = .array(elements)
        case .null, .bool, .integer, .number, .string: return
        }
    }

    private var keepsUnknown: Bool {
        if case .allowed(true) = additionalProperties { return true }
        return preserveUnknownFields
    }

    /// The schema of an object's member; nil if the member is not declared.
    func memberSchema(_ name: String) -> Schema? {
        if let property = properties[name] { return property }
        if case .schema(let schema) = additionalProperties { return schema.value }
        guard isEmbeddedResource else { return nil }
        return switch name {
        case "apiVersion", "kind": Schema(.string)
        case "metadata": Schema.objectMeta
        default: nil
        }
    }
}
