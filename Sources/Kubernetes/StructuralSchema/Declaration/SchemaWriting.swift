import KubernetesAPI

extension Schema {
    /// The schema as it stands in a CRD (`openAPIV3Schema`). Parsing it gives an equal schema.
    public var json: JSONValue {
        var members: [String: JSONValue] = [:]
        members["type"] = kind.map { .string($0.rawValue) }
        members["format"] = format.map(JSONValue.string)
        members["title"] = title.map(JSONValue.string)
        members["description"] = description.map(JSONValue.string)
        members["default"] = defaultValue
        members["example"] = example
        members["enum"] = enumeration.map(JSONValue.array)
        members["nullable"] = isNullable ? true : nil
        writeContainers(&members)
        writeBounds(&members)
        writeJunctors(&members)
        writeExtensions(&members)
        return .object(members)
    }

    private func writeContainers(_ members: inout [String: JSONValue]) {
        if !properties.isEmpty { members["properties"] = .object(properties.mapValues(\.json)) }
        if !required.isEmpty { members["required"] = .array(required.map(JSONValue.string)) }
        switch additionalProperties {
        case .allowed(let flag): members["additionalProperties"] = .bool(flag)
        case .schema(let schema): members["additionalProperties"] = schema.value.json
        case nil: break
        }
        members["items"] = items?.value.json
        members["uniqueItems"] = uniqueItems ? true : nil
    }

    private func writeBounds(_ members: inout [String: JSONValue]) {
        func set(_ key: String, _ count: Int?) { members[key] = count.map { .integer(Int64($0)) } }
        func set(_ key: String, _ bound: Double?) {
            members[key] = bound.map { bound in Int64(exactly: bound).map(JSONValue.integer) ?? .number(bound)
            }
        }
        set("minProperties", minProperties)
        set("maxProperties", maxProperties)
        set("minItems", minItems)
        set("maxItems", maxItems)
        set("minLength", minLength)
        set("maxLength", maxLength)
        members["pattern"] = pattern.map(JSONValue.string)
        set("minimum", minimum)
        set("maximum", maximum)
        set("multipleOf", multipleOf)
        members["exclusiveMinimum"] = exclusiveMinimum ? true : nil
        members["exclusiveMaximum"] = exclusiveMaximum ? true : nil
    }

    private func writeJunctors(_ members: inout [String: JSONValue]) {
        for (key, schemas) in [("allOf", allOf), ("anyOf", anyOf), ("oneOf", oneOf)] where !schemas.isEmpty {
            members[key] = .array(schemas.map(\.json))
        }
        members["not"] = not?.value.json
    }

    private func writeExtensions(_ members: inout [String: JSONValue]) {
        members["x-kubernetes-preserve-unknown-fields"] = preserveUnknownFields ? true : nil
        members["x-kubernetes-embedded-resource"] = isEmbeddedResource ? true : nil
        members["x-kubernetes-int-or-string"] = isIntOrString ? true : nil
        members["x-kubernetes-list-type"] = listType.map { .string($0.rawValue) }
        if !listMapKeys.isEmpty {
            members["x-kubernetes-list-map-keys"] = .array(listMapKeys.map(JSONValue.string))
        }
        members["x-kubernetes-map-type"] = mapType.map { .string($0.rawValue) }
        if !validations.isEmpty {
            members["x-kubernetes-validations"] = .array(validations.map(\.json))
        }
    }
}

extension Schema.Rule {
    /// The rule as it stands in `x-kubernetes-validations`.
    public var json: JSONValue {
        var members: [String: JSONValue] = ["rule": .string(rule)]
        members["message"] = message.map(JSONValue.string)
        members["messageExpression"] = messageExpression.map(JSONValue.string)
        members["reason"] = reason.map(JSONValue.string)
        members["fieldPath"] = fieldPath.map(JSONValue.string)
        members["optionalOldSelf"] = optionalOldSelf ? true : nil
        return .object(members)
    }
}
