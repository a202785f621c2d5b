import KubernetesAPI

// Hand-written schemas, readable as what they describe:
//
//     .object("What to train.", [
//         "method": .string("How to train.").oneOf("lora", "qlora", "full").default("lora"),
//         "numNodes": .integer("Nodes of the gang.", format: .int32).range(1...64).default(1),
//         "params": .map("The rest.", of: .string("A value.").maxLength(256)).maxProperties(64),
//         "suites": .listMap("What to run.", keys: ["name"], of: suite).maxItems(16),
//     ], required: ["method"])
//     .rule("!has(self.a) || !has(self.b)", message: "exactly one of a and b may be set")
//
// Big schemas are best cut into one `static let` an object: the compiler checks a literal as a whole.

extension Schema {
    /// Formats that API servers check; others are kept and mean nothing.
    public enum Format: String, Hashable, Sendable {
        case int32, int64, float, double
        case dateTime = "date-time"
        case date, duration, byte, uri, uuid, email, hostname, ipv4, ipv6, cidr, mac, password
    }

    /// An object with declared members.
    public static func object(
        _ description: String? = nil, _ properties: [String: Schema] = [:], required: [String] = []
    ) -> Schema {
        var schema = make(.object, description)
        schema.properties = properties
        schema.required = required
        return schema
    }

    /// An object whose members have free names and one schema.
    public static func map(_ description: String? = nil, of value: Schema) -> Schema {
        var schema = make(.object, description)
        schema.additionalProperties = .schema(Indirect(value))
        return schema
    }

    /// An object that declares no members and keeps all.
    public static func anything(_ description: String? = nil) -> Schema {
        make(.object, description).preservingUnknownFields()
    }

    /// A list that server-side apply replaces as a whole.
    public static func array(_ description: String? = nil, of items: Schema) -> Schema {
        var schema = make(.array, description)
        schema.items = Indirect(items)
        return schema
    }

    /// A list that server-side apply replaces as a whole, marked so (`x-kubernetes-list-type: atomic`).
    public static func listAtomic(_ description: String? = nil, of items: Schema) -> Schema {
        array(description, of: items).listType(.atomic)
    }

    /// A list without duplicates, whose elements have owners of their own.
    public static func listSet(_ description: String? = nil, of items: Schema) -> Schema {
        array(description, of: items).listType(.set)
    }

    /// A list of objects that `keys` identify. Every key must be required by `items` or have a default.
    public static func listMap(_ description: String? = nil, keys: [String], of items: Schema) -> Schema {
        var schema = array(description, of: items).listType(.map)
        schema.listMapKeys = keys
        return schema
    }

    public static func string(_ description: String? = nil, format: Format? = nil) -> Schema {
        var schema = make(.string, description)
        schema.format = format?.rawValue
        return schema
    }

    public static func integer(_ description: String? = nil, format: Format? = nil) -> Schema {
        var schema = make(.integer, description)
        schema.format = format?.rawValue
        return schema
    }

    public static func number(_ description: String? = nil) -> Schema { make(.number, description) }

    public static func boolean(_ description: String? = nil) -> Schema { make(.boolean, description) }

    /// An instant, such as `2026-11-21T00:45:00Z`.
    public static func timestamp(_ description: String? = nil) -> Schema {
        string(description, format: .dateTime)
    }

    public static func intOrString(_ description: String? = nil) -> Schema {
        var schema = Schema()
        schema.description = description
        schema.isIntOrString = true
        return schema
    }

    /// A resource quantity, such as `500m` or `1.5Gi`, declared as upstream's generators do.
    public static func quantity(_ description: String? = nil) -> Schema {
        var schema = intOrString(description).pattern(quantityPattern)
        schema.anyOf = [Schema(.integer), Schema(.string)]
        return schema
    }

    /// Pattern that `quantity` declares, and that marks a schema as one of a quantity.
    public static let quantityPattern =
        #"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"#
        + #"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"#

    private static func make(_ kind: Kind, _ description: String?) -> Schema {
        var schema = Schema(kind)
        schema.description = description
        return schema
    }
}

extension Schema {
    public func description(_ text: String) -> Schema { with { $0.description = text } }
    public func title(_ text: String) -> Schema { with { $0.title = text } }
    public func example(_ value: JSONValue) -> Schema { with { $0.example = value } }
    public func `default`(_ value: JSONValue) -> Schema { with { $0.defaultValue = value } }
    public func nullable() -> Schema { with { $0.isNullable = true } }
    /// A format that `Format` does not name.
    public func format(_ name: String) -> Schema { with { $0.format = name } }

    /// One of these strings (`enum`).
    public func oneOf(_ values: String...) -> Schema {
        with { $0.enumeration = values.map(JSONValue.string) }
    }

    /// One of these values (`enum`).
    public func enumeration(_ values: [JSONValue]) -> Schema { with { $0.enumeration = values } }

    public func minimum(_ bound: Double) -> Schema { with { $0.minimum = bound } }
    public func maximum(_ bound: Double) -> Schema { with { $0.maximum = bound } }
    public func range(_ bounds: ClosedRange<Double>) -> Schema {
        minimum(bounds.lowerBound).maximum(bounds.upperBound)
    }
    /// Strictly greater than `bound`.
    public func exclusiveMinimum(_ bound: Double) -> Schema {
        with { ($0.minimum, $0.exclusiveMinimum) = (bound, true) }
    }
    /// Strictly less than `bound`.
    public func exclusiveMaximum(_ bound: Double) -> Schema {
        with { ($0.maximum, $0.exclusiveMaximum) = (bound, true) }
    }
    public func multipleOf(_ factor: Double) -> Schema { with { $0.multipleOf = factor } }

    /// - Parameter count: in Unicode code points.
    public func minLength(_ count: Int) -> Schema { with { $0.minLength = count } }
    /// - Parameter count: in Unicode code points.
    public func maxLength(_ count: Int) -> Schema { with { $0.maxLength = count } }
    public func length(_ bounds: ClosedRange<Int>) -> Schema {
        minLength(bounds.lowerBound).maxLength(bounds.upperBound)
    }
    /// An RE2 expression that must match somewhere; anchor it with `^` and `$`.
    public func pattern(_ expression: String) -> Schema { with { $0.pattern = expression } }

    public func minItems(_ count: Int) -> Schema { with { $0.minItems = count } }
    public func maxItems(_ count: Int) -> Schema { with { $0.maxItems = count } }
    public func minProperties(_ count: Int) -> Schema { with { $0.minProperties = count } }
    public func maxProperties(_ count: Int) -> Schema { with { $0.maxProperties = count } }

    public func listType(_ type: ListType) -> Schema { with { $0.listType = type } }
    public func mapType(_ type: MapType) -> Schema { with { $0.mapType = type } }
    public func preservingUnknownFields() -> Schema { with { $0.preserveUnknownFields = true } }
    public func embeddedResource() -> Schema { with { $0.isEmbeddedResource = true } }

    /// This schema and all within it, with duplicates in lists unchecked (`allowsDuplicates`).
    public func allowingDuplicates() -> Schema {
        with { schema in
            schema.allowsDuplicates = true
            schema.properties = schema.properties.mapValues { $0.allowingDuplicates() }
            schema.items = schema.items.map { Indirect($0.value.allowingDuplicates()) }
            if case .schema(let value) = schema.additionalProperties {
                schema.additionalProperties = .schema(Indirect(value.value.allowingDuplicates()))
            }
        }
    }

    /// Requires members beside those that are required already.
    public func requiring(_ names: String...) -> Schema { with { $0.required += names } }
    /// Declares members beside those that are declared already.
    public func adding(_ members: [String: Schema]) -> Schema {
        with { $0.properties.merge(members) { _, new in new } }
    }

    /// Adds a CEL rule (`x-kubernetes-validations`). One that mentions `oldSelf` runs on updates only, unless
    /// `optionalOldSelf` is set.
    public func rule(
        _ expression: String, message: String? = nil, messageExpression: String? = nil,
        reason: String? = nil, fieldPath: String? = nil, optionalOldSelf: Bool = false
    ) -> Schema {
        with {
            $0.validations.append(
                Rule(
                    expression, message: message, messageExpression: messageExpression, reason: reason,
                    fieldPath: fieldPath, optionalOldSelf: optionalOldSelf))
        }
    }

    /// Adds a rule that keeps the value as it was created.
    public func immutable(message: String = "is immutable") -> Schema {
        rule("self == oldSelf", message: message)
    }

    private func with(_ change: (inout Schema) -> Void) -> Schema {
        var copy = self
        change(&copy)
        return copy
    }
}
