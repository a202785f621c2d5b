import KubernetesAPI

/// Type of a value, as far as it is known before evaluation.
indirect enum CELType: Sendable {
    /// Unknown type, on which any operation may be tried.
    case dynamic
    case null, bool, int, uint, double, string, bytes, duration, timestamp, quantity, url, type
    case list(CELType)
    /// Keys are strings.
    case map(CELType)
    case object(Schema, isRoot: Bool)
    case optional(CELType)

    init(_ schema: Schema, isRoot: Bool = false) {
        switch schema.kind {
        case nil: self = .dynamic
        case .boolean: self = .bool
        case .integer: self = .int
        case .number: self = .double
        case .array: self = .list(schema.items.map { CELType($0.value) } ?? .dynamic)
        case .string:
            switch schema.format {
            case "byte": self = .bytes
            case "date-time", "datetime", "date": self = .timestamp
            case "duration": self = .duration
            default: self = .string
            }
        case .object:
            if case .schema(let value) = schema.additionalProperties {
                self = .map(CELType(value.value))
            } else if schema.properties.isEmpty, schema.preserveUnknownFields, !schema.isEmbeddedResource {
                self = .dynamic
            } else {
                self = .object(schema, isRoot: isRoot)
            }
        }
    }

    var name: String {
        switch self {
        case .dynamic: "dyn"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .duration: "google.protobuf.Duration"
        case .timestamp: "google.protobuf.Timestamp"
        case .quantity: "kubernetes.Quantity"
        case .url: "kubernetes.URL"
        case .type: "type"
        case .list(let element): "list(\(element.name))"
        case .map(let value): "map(string, \(value.name))"
        case .object: "object"
        case .optional(let inner): "optional_type(\(inner.name))"
        }
    }

    /// Whether values of the two types can be compared for equality.
    func isComparable(with other: CELType) -> Bool {
        switch (self, other) {
        case (.dynamic, _), (_, .dynamic), (.null, _), (_, .null), (.object, .object): true
        case (.object, .map), (.map, .object): true
        case (.list(let a), .list(let b)), (.map(let a), .map(let b)), (.optional(let a), .optional(let b)):
            a.isComparable(with: b)
        default: name == other.name
        }
    }

    /// The type of a member that may be selected by name; nil if there is no such member.
    func member(_ field: String) -> CELType? {
        switch self {
        case .dynamic: return .dynamic
        case .map(let value): return value
        case .optional(let inner): return inner.member(field).map { .optional($0) }
        case .object(let schema, let isRoot):
            if isRoot || schema.isEmbeddedResource {
                switch field {
                case "apiVersion", "kind": return .string
                case "metadata": return .object(Self.metadata, isRoot: false)
                default: break
                }
            }
            return schema.properties.first { CELIdentifier.escaped($0.key) == field }.map {
                CELType($0.value)
            }
        default: return nil
        }
    }

    /// The part of `metadata` that rules may read.
    private static let metadata = Schema.object(nil, ["name": .string(), "generateName": .string()])
}
