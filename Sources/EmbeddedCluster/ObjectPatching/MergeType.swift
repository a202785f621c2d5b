import KubernetesAPI
import StructuralSchema

/// Merging and division of a schema's values: a schema, reduced to the properties that patches and field
/// ownership need, with shared subschemas.
///
/// Build it once for each kind: it is as large as the schema.
public final class MergeType: Sendable {
    enum Scalar: Sendable {
        case string, number, boolean, any
    }

    enum Shape: Sendable {
        case scalar(Scalar)
        /// A list that is owned and replaced as a whole.
        case atomicList
        case set
        /// A list whose elements these members identify.
        case keyedList(keys: [String], element: MergeType)
        /// An object. `element` is the type of undeclared members; nil if there may be none.
        case map(fields: [String: MergeType], element: MergeType?, isAtomic: Bool)
        /// A value of unknown type, which decides by itself: objects are granular, lists are atomic.
        case untyped
    }

    let shape: Shape
    let defaultValue: JSONValue?

    init(_ shape: Shape, defaultValue: JSONValue? = nil) {
        self.shape = shape
        self.defaultValue = defaultValue
    }

    /// Type of a value without a schema: objects merge member by member, lists are replaced.
    public static let untyped = MergeType(.untyped)

    /// The type of a whole object. Its `metadata` is that of every object, whatever the schema says.
    public static func object(_ schema: Schema) -> MergeType {
        let type = MergeType(schema)
        guard case .map(var fields, let element, _) = type.shape else {
            return MergeType(.map(fields: envelope, element: .untyped, isAtomic: false))
        }
        fields.merge(envelope) { _, standard in standard }
        return MergeType(.map(fields: fields, element: element, isAtomic: false))
    }

    public convenience init(_ schema: Schema) {
        self.init(Self.shape(of: schema), defaultValue: schema.defaultValue)
    }

    private static func shape(of schema: Schema) -> Shape {
        if schema.isIntOrString { return .scalar(.any) }
        switch schema.kind {
        case .string: return .scalar(.string)
        case .integer, .number: return .scalar(.number)
        case .boolean: return .scalar(.boolean)
        case .array:
            switch schema.listType {
            case .set: return .set
            case .map where !schema.listMapKeys.isEmpty:
                let element = schema.items.map { MergeType($0.value) } ?? .untyped
                return .keyedList(keys: schema.listMapKeys, element: element)
            case .map, .atomic, nil: return .atomicList
            }
        case .object: return mapShape(of: schema)
        case nil: return .untyped
        }
    }

    private static func mapShape(of schema: Schema) -> Shape {
        var fields = schema.properties.mapValues { MergeType($0) }
        var element: MergeType?
        switch schema.additionalProperties {
        case .schema(let additional): element = MergeType(additional.value)
        case .allowed(let allowed): element = allowed ? .untyped : nil
        case nil: element = fields.isEmpty ? .untyped : nil
        }
        if schema.preserveUnknownFields || schema.isEmbeddedResource { element = element ?? .untyped }
        if schema.isEmbeddedResource { fields.merge(envelope) { _, standard in standard } }
        return .map(fields: fields, element: element, isAtomic: schema.mapType == .atomic)
    }

    /// Types of `apiVersion`, `kind` and `metadata`, which every object has.
    private static let envelope: [String: MergeType] = [
        "apiVersion": MergeType(.scalar(.string)), "kind": MergeType(.scalar(.string)),
        "metadata": MergeType(Schema.objectMeta),
    ]
}

extension MergeType {
    /// The type of an object's member; untyped if it is not known.
    func member(_ name: String) -> MergeType {
        guard case .map(let fields, let element, _) = shape else { return .untyped }
        return fields[name] ?? element ?? .untyped
    }

    /// The type of a list's element.
    var element: MergeType {
        if case .keyedList(_, let element) = shape { element } else { .untyped }
    }

    /// Whether `name` is declared, rather than one of a map's arbitrary keys.
    func declares(_ name: String) -> Bool {
        if case .map(let fields, _, _) = shape { fields[name] != nil } else { false }
    }

    /// Merging of a list by a strategic merge patch.
    enum ListMerging {
        case values
        case key(String, element: MergeType)
    }

    /// Merging of a list of this type; nil for a list that is replaced.
    var listMerging: ListMerging? {
        switch shape {
        case .set: return .values
        case .keyedList(let keys, let element): return keys.first.map { .key($0, element: element) }
        case .scalar, .atomicList, .map, .untyped: return nil
        }
    }

    /// Division of a value of this type into owned fields.
    enum Division {
        /// The value is owned as a whole.
        case leaf
        /// The value is divided into elements by identity.
        case list
        /// The value is divided into members.
        case map
    }

    /// The division of a value, which matters only if the type is not known.
    func division(of value: JSONValue?) -> Division {
        switch shape {
        case .scalar, .atomicList: .leaf
        case .set, .keyedList: .list
        case .map(_, _, let isAtomic): isAtomic ? .leaf : .map
        case .untyped: value?.objectValue == nil ? .leaf : .map
        }
    }
}
