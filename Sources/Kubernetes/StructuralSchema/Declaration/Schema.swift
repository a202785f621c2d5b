import KubernetesAPI

/// A structural schema of a custom resource: `apiextensions.k8s.io/v1` `JSONSchemaProps`, as far as a
/// structural schema may use it. One value serves to generate CRDs, to validate, to prune, to default,
/// and to tell server-side apply how lists and maps merge.
public struct Schema: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case object, array, string, integer, number, boolean
    }

    /// Identity of a list's elements in server-side apply.
    public enum ListType: String, Hashable, Sendable {
        case atomic, set, map
    }

    public enum MapType: String, Hashable, Sendable {
        case granular, atomic
    }

    /// An `x-kubernetes-validations` rule, in CEL.
    public struct Rule: Hashable, Sendable {
        public var rule: String
        public var message: String?
        public var messageExpression: String?
        /// `FieldValueInvalid` (default), `FieldValueForbidden`, `FieldValueRequired`, `FieldValueDuplicate`
        public var reason: String?
        public var fieldPath: String?
        /// Lets a transition rule run on creation too, with `oldSelf` optional.
        public var optionalOldSelf: Bool

        public init(
            _ rule: String, message: String? = nil, messageExpression: String? = nil, reason: String? = nil,
            fieldPath: String? = nil, optionalOldSelf: Bool = false
        ) {
            self.rule = rule
            self.message = message
            self.messageExpression = messageExpression
            self.reason = reason
            self.fieldPath = fieldPath
            self.optionalOldSelf = optionalOldSelf
        }
    }

    /// Type of the value; nil only with `intOrString` or `preserveUnknownFields`, or within `oneOf` and its
    /// like.
    public var kind: Kind?
    public var format: String?
    public var title: String?
    public var description: String?
    public var defaultValue: JSONValue?
    public var example: JSONValue?
    public var enumeration: [JSONValue]?
    public var isNullable = false

    public var properties: [String: Schema] = [:]
    public var required: [String] = []
    public var additionalProperties: AdditionalProperties?
    public var minProperties: Int?
    public var maxProperties: Int?

    public var items: Indirect<Schema>?
    public var minItems: Int?
    public var maxItems: Int?
    public var uniqueItems = false

    public var minLength: Int?
    public var maxLength: Int?
    public var pattern: String?

    public var minimum: Double?
    public var exclusiveMinimum = false
    public var maximum: Double?
    public var exclusiveMaximum = false
    public var multipleOf: Double?

    public var allOf: [Schema] = []
    public var anyOf: [Schema] = []
    public var oneOf: [Schema] = []
    public var not: Indirect<Schema>?

    /// `x-kubernetes-preserve-unknown-fields`
    public var preserveUnknownFields = false
    /// `x-kubernetes-embedded-resource`
    public var isEmbeddedResource = false
    /// `x-kubernetes-int-or-string`
    public var isIntOrString = false
    public var listType: ListType?
    public var listMapKeys: [String] = []
    /// Whether duplicates in this list-set or list-map are not checked here. Not part of the JSON. It is for
    /// built-in kinds: some of their lists may hold duplicates (`env`), and some word the error in their own
    /// way.
    public var allowsDuplicates = false
    public var mapType: MapType?
    public var validations: [Rule] = []

    public init(_ kind: Kind? = nil) { self.kind = kind }
}

/// Rule for an object's undeclared members.
public enum AdditionalProperties: Hashable, Sendable {
    case allowed(Bool)
    case schema(Indirect<Schema>)
}

/// A value on the heap, which lets a struct contain itself.
public struct Indirect<Value: Hashable & Sendable>: Hashable, Sendable {
    private final class Storage: Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    private let storage: Storage

    public init(_ value: Value) { storage = Storage(value) }

    public var value: Value { storage.value }

    public static func == (lhs: Indirect, rhs: Indirect) -> Bool {
        lhs.storage === rhs.storage || lhs.value == rhs.value
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(value) }
}
