import KubernetesAPI
import StructuralSchema

/// All that the server must know of one kind of resource in order to serve it.
///
/// Built-in kinds are values of this type, and so is every custom resource: a CRD is turned into one.
public struct ResourceDefinition: Sendable {
    public var type: ResourceType
    /// Name of one object in lower case, as `kubectl get` also accepts it.
    public var singular: String
    public var shortNames: [String]
    public var categories: [String]
    /// `kind` of a list of these; `PodList` for `Pod`.
    public var listKind: String
    /// The whole object: `apiVersion`, `kind`, `metadata`, and the kind's own members. Drives decoding
    /// (unknown fields), defaults, OpenAPI and server-side apply.
    public var schema: Schema
    /// The columns of `kubectl get`, after the name. `Age` is no different from the others.
    public var columns: [PrinterColumn]
    /// Subresources of the kind, with the part of the object that each one may write.
    public var subresources: Set<Subresource>
    /// Subresources that a real cluster has and this one does not, each with what to do instead.
    public var unsupportedSubresources: [String: String]
    /// Fields that `fieldSelector` may name beside `metadata.name` and `metadata.namespace`.
    public var selectableFields: [SelectableField]
    /// Whether strategic merge patches are taken; custom resources answer them with 415.
    public var allowsStrategicMerge: Bool
    /// The rule that `metadata.name` keeps.
    public var nameRule: NameRule
    /// Whether `metadata.generation` is kept: 1 at creation, one more with every change of the object outside
    /// of metadata and status.
    public var hasGeneration: Bool
    public var verbs: [String]
    public var strategy: any ResourceStrategy
    /// Form in which another kind's objects are stored and this one shows them, as `events.k8s.io` shows core
    /// events; nil for a kind with objects of its own.
    public var storedAs: StoredForm?

    public init(
        type: ResourceType, singular: String? = nil, shortNames: [String] = [], categories: [String] = [],
        listKind: String? = nil, schema: Schema, columns: [PrinterColumn] = [.age],
        subresources: Set<Subresource> = [], unsupportedSubresources: [String: String] = [:],
        selectableFields: [SelectableField] = [],
        allowsStrategicMerge: Bool = true, nameRule: NameRule = .dnsSubdomain, hasGeneration: Bool = false,
        verbs: [String] = ResourceDefinition.allVerbs, strategy: any ResourceStrategy = PlainStrategy(),
        storedAs: StoredForm? = nil
    ) {
        self.type = type
        self.singular = singular ?? type.kind.lowercased()
        self.shortNames = shortNames
        self.categories = categories
        self.listKind = listKind ?? type.kind + "List"
        self.schema = schema
        self.columns = columns
        self.subresources = subresources
        self.unsupportedSubresources = unsupportedSubresources
        self.selectableFields = selectableFields
        self.allowsStrategicMerge = allowsStrategicMerge
        self.nameRule = nameRule
        self.hasGeneration = hasGeneration
        self.verbs = verbs
        self.strategy = strategy
        self.storedAs = storedAs
    }

    /// Verbs of an ordinary resource, in the order in which discovery lists them.
    public static let allVerbs = [
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    ]
}

/// A subresource that a definition can declare; the server implements each one.
public enum Subresource: String, Hashable, Sendable, CaseIterable {
    case status, binding, eviction, log, token, finalize, approval
}

/// The rule for `metadata.name`, with the messages of a real API server.
public enum NameRule: Hashable, Sendable {
    /// RFC 1123 subdomain, up to 253 characters: most kinds.
    case dnsSubdomain
    /// RFC 1123 label, up to 63 characters: namespaces.
    case dnsLabel
    /// RFC 1035 label, which begins with a letter: services.
    case dns1035Label
    /// Anything that is one segment of a path: RBAC.
    case pathSegment
}

/// A field that a `fieldSelector` may name.
public struct SelectableField: Sendable {
    /// Path of the field, as in the selector: `spec.nodeName`.
    public var path: String
    /// The text that is compared; empty where the field is absent.
    public var value: @Sendable (JSONValue) -> String

    public init(_ path: String, value: @escaping @Sendable (JSONValue) -> String) {
        self.path = path
        self.value = value
    }

    /// The field at `path`, read as it stands.
    public init(_ path: String, default fallback: String = "") {
        let keys = path.split(separator: ".").map(String.init)
        self.init(path) { object in
            switch object[path: keys] {
            case .string(let text): text
            case .bool(let flag): String(flag)
            case .integer(let number): String(number)
            case .number, .array, .object, .null, nil: fallback
            }
        }
    }
}

/// Translation between one kind's objects and another kind's, of which they are another view.
public struct StoredForm: Sendable {
    public var type: ResourceType
    public var fromStored: @Sendable (JSONValue) -> JSONValue
    public var toStored: @Sendable (JSONValue) -> JSONValue

    public init(
        type: ResourceType, fromStored: @escaping @Sendable (JSONValue) -> JSONValue,
        toStored: @escaping @Sendable (JSONValue) -> JSONValue
    ) {
        self.type = type
        self.fromStored = fromStored
        self.toStored = toStored
    }
}
