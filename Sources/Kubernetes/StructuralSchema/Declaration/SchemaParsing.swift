import KubernetesAPI

/// All errors of a refused schema, each with its place.
public struct InvalidSchema: Error, Hashable, Sendable {
    public var errors: [FieldError]
}

extension Schema {
    /// Depth to which schemas may nest.
    public static let depthLimit = 64

    /// Reads `openAPIV3Schema` and checks that it is structural.
    ///
    /// - Parameter path: the schema's place in the CRD, such as `spec.versions[0].schema.openAPIV3Schema`.
    public init(parsing json: JSONValue, path: String) throws(InvalidSchema) {
        var parser = SchemaParser()
        let schema = parser.parse(json, at: path, depth: 0)
        var errors = parser.errors
        if errors.isEmpty { errors = schema.structuralErrors(at: path) }
        guard errors.isEmpty else { throw InvalidSchema(errors: errors) }
        self = schema
    }
}

/// Reads keywords one by one, and goes on after an error, so that all are reported.
private struct SchemaParser {
    var errors: [FieldError] = []

    private static let unsupported: Set<String> = [
        "$ref", "id", "definitions", "dependencies", "patternProperties", "additionalItems",
    ]
    private static let ignored: Set<String> = ["$schema", "externalDocs"]

    mutating func parse(_ json: JSONValue, at path: String, depth: Int) -> Schema {
        guard let members = json.objectValue else {
            errors.append(.invalid(path, json, "must be a schema object"))
            return Schema()
        }
        guard depth < Schema.depthLimit else {
            errors.append(.forbidden(path, "must not nest deeper than \(Schema.depthLimit) levels"))
            return Schema()
        }
        var schema = Schema()
        for (key, value) in members.sorted(by: { $0.key < $1.key }) where !value.isNull {
            let place = "\(path).\(key)"
            if readText(key, value, &schema, place) || readBound(key, value, &schema, place)
                || readChild(key, value, &schema, place, depth) || readExtension(key, value, &schema, place)
                || Self.ignored.contains(key)
            {
                continue
            }
            if Self.unsupported.contains(key) {
                errors.append(.forbidden(place, "\(key) is not supported"))
            } else {
                errors.append(.forbidden(place, "unknown keyword; see JSONSchemaProps of apiextensions/v1"))
            }
        }
        return schema
    }

    private mutating func readText(
        _ key: String, _ value: JSONValue, _ schema: inout Schema, _ place: String
    ) -> Bool {
        switch key {
        case "type":
            schema.kind = string(value, place).flatMap { name in
                let kind = Schema.Kind(rawValue: name)
                if kind == nil {
                    errors.append(
                        .notSupported(
                            place, value,
                            supported: ["array", "boolean", "integer", "number", "object", "string"]))
                }
                return kind
            }
        case "format": schema.format = string(value, place)
        case "title": schema.title = string(value, place)
        case "description": schema.description = string(value, place)
        case "pattern": schema.pattern = string(value, place)
        case "default": schema.defaultValue = value
        case "example": schema.example = value
        case "enum": schema.enumeration = array(value, place)
        case "nullable": schema.isNullable = flag(value, place)
        case "required": schema.required = strings(value, place)
        default: return false
        }
        return true
    }

    private mutating func readBound(
        _ key: String, _ value: JSONValue, _ schema: inout Schema, _ place: String
    ) -> Bool {
        switch key {
        case "minimum": schema.minimum = number(value, place)
        case "maximum": schema.maximum = number(value, place)
        case "multipleOf": schema.multipleOf = number(value, place)
        case "exclusiveMinimum": schema.exclusiveMinimum = flag(value, place)
        case "exclusiveMaximum": schema.exclusiveMaximum = flag(value, place)
        case "minLength": schema.minLength = count(value, place)
        case "maxLength": schema.maxLength = count(value, place)
        case "minItems": schema.minItems = count(value, place)
        case "maxItems": schema.maxItems = count(value, place)
        case "minProperties": schema.minProperties = count(value, place)
        case "maxProperties": schema.maxProperties = count(value, place)
        case "uniqueItems": schema.uniqueItems = flag(value, place)
        default: return false
        }
        return true
    }

    private mutating func readChild(
        _ key: String, _ value: JSONValue, _ schema: inout Schema, _ place: String, _ depth: Int
    ) -> Bool {
        switch key {
        case "properties":
            for (name, child) in (object(value, place) ?? [:]).sorted(by: { $0.key < $1.key }) {
                schema.properties[name] = parse(child, at: "\(place)[\(name)]", depth: depth + 1)
            }
        case "additionalProperties":
            if let flag = value.boolValue {
                schema.additionalProperties = .allowed(flag)
            } else {
                schema.additionalProperties = .schema(Indirect(parse(value, at: place, depth: depth + 1)))
            }
        case "items":
            if value.arrayValue != nil {
                errors.append(.forbidden(place, "items must be a schema object and not an array"))
            } else {
                schema.items = Indirect(parse(value, at: place, depth: depth + 1))
            }
        case "not": schema.not = Indirect(parse(value, at: place, depth: depth + 1))
        case "allOf": schema.allOf = schemas(value, place, depth)
        case "anyOf": schema.anyOf = schemas(value, place, depth)
        case "oneOf": schema.oneOf = schemas(value, place, depth)
        default: return false
        }
        return true
    }

    private mutating func readExtension(
        _ key: String, _ value: JSONValue, _ schema: inout Schema, _ place: String
    ) -> Bool {
        switch key {
        case "x-kubernetes-preserve-unknown-fields":
            schema.preserveUnknownFields = flag(value, place)
            if value == false { errors.append(.invalid(place, false, "must be true or undefined")) }
        case "x-kubernetes-embedded-resource": schema.isEmbeddedResource = flag(value, place)
        case "x-kubernetes-int-or-string": schema.isIntOrString = flag(value, place)
        case "x-kubernetes-list-type":
            schema.listType = string(value, place).flatMap(Schema.ListType.init(rawValue:))
            if schema.listType == nil {
                errors.append(.notSupported(place, value, supported: ["atomic", "map", "set"]))
            }
        case "x-kubernetes-list-map-keys": schema.listMapKeys = strings(value, place)
        case "x-kubernetes-map-type":
            schema.mapType = string(value, place).flatMap(Schema.MapType.init(rawValue:))
            if schema.mapType == nil {
                errors.append(.notSupported(place, value, supported: ["atomic", "granular"]))
            }
        case "x-kubernetes-validations":
            for (index, element) in (array(value, place) ?? []).enumerated() {
                schema.validations.append(rule(element, "\(place)[\(index)]"))
            }
        default: return false
        }
        return true
    }

    private mutating func rule(_ value: JSONValue, _ place: String) -> Schema.Rule {
        var rule = Schema.Rule("")
        for (key, member) in object(value, place) ?? [:] where !member.isNull {
            let place = "\(place).\(key)"
            switch key {
            case "rule": rule.rule = string(member, place) ?? ""
            case "message": rule.message = string(member, place)
            case "messageExpression": rule.messageExpression = string(member, place)
            case "reason": rule.reason = string(member, place)
            case "fieldPath": rule.fieldPath = string(member, place)
            case "optionalOldSelf": rule.optionalOldSelf = flag(member, place)
            default: errors.append(.forbidden(place, "unknown field"))
            }
        }
        return rule
    }

    private mutating func schemas(_ value: JSONValue, _ place: String, _ depth: Int) -> [Schema] {
        (array(value, place) ?? []).enumerated().map { index, element in
            parse(element, at: "\(place)[\(index)]", depth: depth + 1)
        }
    }

    private mutating func expect<T>(_ found: T?, _ value: JSONValue, _ place: String, _ what: String) -> T? {
        if found == nil { errors.append(.invalid(place, value, "must be \(what)")) }
        return found
    }

    private mutating func string(_ value: JSONValue, _ place: String) -> String? {
        expect(value.stringValue, value, place, "a string")
    }

    private mutating func array(_ value: JSONValue, _ place: String) -> [JSONValue]? {
        expect(value.arrayValue, value, place, "an array")
    }

    private mutating func object(_ value: JSONValue, _ place: String) -> [String: JSONValue]? {
        expect(value.objectValue, value, place, "an object")
    }

    private mutating func flag(_ value: JSONValue, _ place: String) -> Bool {
        expect(value.boolValue, value, place, "a boolean") ?? false
    }

    private mutating func number(_ value: JSONValue, _ place: String) -> Double? {
        expect(value.doubleValue, value, place, "a number")
    }

    private mutating func count(_ value: JSONValue, _ place: String) -> Int? {
        expect(
            value.integerValue.flatMap { $0 >= 0 ? Int(exactly: $0) : nil }, value, place,
            "a whole number that is not negative")
    }

    private mutating func strings(_ value: JSONValue, _ place: String) -> [String] {
        (array(value, place) ?? []).enumerated().compactMap { index, element in
            string(element, "\(place)[\(index)]")
        }
    }
}
