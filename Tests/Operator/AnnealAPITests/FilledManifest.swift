import AnnealAPI
import KubernetesAPI
import StructuralSchema

extension Schema {
    /// A value with every property that is declared, lists of one element and maps of one member. Where a
    /// value must be one of several, it is the `variant`th.
    func filled(variant: Int = 0) -> JSONValue {
        if let choices = enumeration, !choices.isEmpty { return choices[variant % choices.count] }
        switch kind {
        case .object:
            if case .schema(let value) = additionalProperties {
                return ["key": value.value.filled(variant: variant)]
            }
            return .object(properties.mapValues { $0.filled(variant: variant) })
        case .array: return .array(items.map { [$0.value.filled(variant: variant)] } ?? [])
        case .string: return format == "date-time" ? "2026-11-21T01:02:03Z" : "text"
        case .integer: return 7
        case .number: return 0.5
        case .boolean: return true
        case nil: return isIntOrString ? "text" : .null
        }
    }

    /// The most values that any enumeration has.
    var variants: Int {
        let below = [items?.value.variants ?? 1] + properties.values.map(\.variants)
        return max(enumeration?.count ?? 1, below.max() ?? 1)
    }

    /// Each schema at and below this one, with the path that it stands at.
    func walk(_ path: String = "", _ visit: (String, Schema) -> Void) {
        visit(path, self)
        for (name, property) in properties { property.walk("\(path).\(name)", visit) }
        items?.value.walk("\(path)[]", visit)
        if case .schema(let value) = additionalProperties { value.value.walk("\(path)[*]", visit) }
    }
}

extension CustomResourceDefinition {
    /// An object with every property of its schema.
    func filled(variant: Int) -> JSONValue {
        var object = schema.filled(variant: variant)
        object["apiVersion"] = .string(resourceType.apiVersion)
        object["kind"] = .string(resourceType.kind)
        object["metadata"] = ["name": "filled"]
        return object
    }
}

extension JSONValue {
    /// The same value with every number as a `Double`: Swift's types do not tell `1.0` from `1`.
    var withPlainNumbers: JSONValue {
        switch self {
        case .integer(let value): .number(Double(value))
        case .array(let elements): .array(elements.map(\.withPlainNumbers))
        case .object(let members): .object(members.mapValues(\.withPlainNumbers))
        case .null, .bool, .number, .string: self
        }
    }
}

/// The stored properties below `value` that hold nothing, by path.
func absentProperties(of value: Any, at path: String = "") -> [String] {
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional {
        guard let wrapped = mirror.children.first else { return [path] }
        return absentProperties(of: wrapped.value, at: path)
    }
    switch mirror.displayStyle {
    case .struct, .class:
        return mirror.children.flatMap { absentProperties(of: $0.value, at: "\(path).\($0.label ?? "")") }
    case .collection:
        return mirror.children.flatMap { absentProperties(of: $0.value, at: "\(path)[]") }
    default: return []
    }
}
