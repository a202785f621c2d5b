import KubernetesAPI

/// Finds the former element that an element of a list-map continues, by its keys. Elements of other lists
/// have no identity.
struct ListCorrelation {
    private var elements: [JSONValue: JSONValue] = [:]
    private let keys: [String]
    private let defaults: [String: JSONValue]

    init(schema: Schema, old: JSONValue?) {
        guard schema.listType == .map, let list = old?.arrayValue else {
            keys = []
            defaults = [:]
            return
        }
        keys = schema.listMapKeys
        defaults = schema.keyDefaults
        for element in list {
            let key = element.key(keys, defaults: defaults)
            if elements[key] == nil { elements[key] = element }
        }
    }

    func old(for element: JSONValue) -> JSONValue? {
        keys.isEmpty ? nil : elements[element.key(keys, defaults: defaults)]
    }
}

extension Schema {
    /// Defaults of the members that identify a list-map's elements.
    var keyDefaults: [String: JSONValue] {
        var defaults: [String: JSONValue] = [:]
        for key in listMapKeys { defaults[key] = items?.value.properties[key]?.defaultValue }
        return defaults
    }
}

extension JSONValue {
    /// The members that identify an element of a list-map, as an object.
    func key(_ names: [String], defaults: [String: JSONValue] = [:]) -> JSONValue {
        var key: [String: JSONValue] = [:]
        for name in names { key[name] = self[name] ?? defaults[name] }
        return .object(key)
    }
}

/// Finds duplicates in list-sets and list-maps.
struct ListValidation {
    var errors: [FieldError] = []

    mutating func check(_ schema: Schema, _ value: JSONValue, old: JSONValue?, at path: String, depth: Int) {
        if let old, old == value { return }
        guard depth <= JSONValue.depthLimit else { return }
        switch value {
        case .array(let elements):
            checkDuplicates(schema, elements, path)
            guard let items = schema.items?.value else { return }
            let correlation = ListCorrelation(schema: schema, old: old)
            for (index, element) in elements.enumerated() {
                check(
                    items, element, old: correlation.old(for: element), at: "\(path)[\(index)]",
                    depth: depth + 1)
            }
        case .object(let members):
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                let isMap = schema.properties[name] == nil && schema.additionalProperties != nil
                guard let declared = schema.memberSchema(name) else { continue }
                check(
                    declared, member, old: old?[name], at: isMap ? "\(path)[\(name)]" : join(path, name),
                    depth: depth + 1)
            }
        case .null, .bool, .integer, .number, .string: return
        }
    }

    private mutating func checkDuplicates(_ schema: Schema, _ elements: [JSONValue], _ path: String) {
        guard !schema.allowsDuplicates else { return }
        let identity: (JSONValue) -> JSONValue
        switch schema.listType {
        case .set: identity = { $0 }
        case .map:
            if let index = elements.firstIndex(where: { $0.objectValue == nil && !$0.isNull }) {
                errors.append(
                    .invalid(
                        "\(path)[\(index)]", elements[index],
                        "must be an object for an array of list-type map"))
                return
            }
            let keys = schema.listMapKeys
            let defaults = schema.keyDefaults
            identity = { $0.key(keys, defaults: defaults) }
        case .atomic, nil: return
        }
        var seen: Set<JSONValue> = []
        for (index, element) in elements.enumerated() {
            let key = identity(element)
            if !seen.insert(key).inserted {
                errors.append(.duplicate("\(path)[\(index)]", key))
            }
        }
    }
}
