import KubernetesAPI

/// Something that may change or refuse a write before it is stored: webhooks, quotas.
///
/// For each write the server asks all plugins to `admit`, in order, then validates the object, then asks
/// all plugins to `validate`, in order, and stores.
public protocol AdmissionPlugin: Sendable {
    /// Changes `request.object` or leaves it; throws to refuse the write.
    func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError)

    /// Throws to refuse the write, and changes nothing. Called after all changes and after validation.
    func validate(_ request: AdmissionRequest, _ cluster: any AdmissionCluster) async throws(APIError)

    /// Called once a creation that was asked of `validate` has been stored, or refused after all.
    func completed(_ request: AdmissionRequest)
}

extension AdmissionPlugin {
    public func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {}

    public func completed(_ request: AdmissionRequest) {}

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {}
}

/// A write on its way to the store.
public struct AdmissionRequest: Sendable {
    public enum Operation: String, Sendable {
        case create = "CREATE"
        case update = "UPDATE"
        case delete = "DELETE"
        case connect = "CONNECT"
    }

    /// Identifies this request; webhooks answer with it.
    public var uid: String
    public var operation: Operation
    public var definition: ResourceDefinition
    /// `status`, `binding`, …; nil for the object itself.
    public var subresource: String?
    /// Name of the object; empty while `generateName` has not been turned into one.
    public var name: String
    /// Namespace of the object; empty for a cluster-scoped one.
    public var namespace: String
    public var user: UserInfo
    /// The object as it is to be stored; nil on deletion.
    public var object: JSONValue?
    /// The object as it is stored; nil on creation.
    public var oldObject: JSONValue?
    /// `CreateOptions`, `UpdateOptions` or `DeleteOptions`, with kind and apiVersion.
    public var options: JSONValue
    public var isDryRun: Bool
    /// Collects the `Warning` headers of the answer; a warning is deduplicated by the server.
    public let warnings: WarningCollector

    public init(
        uid: String, operation: Operation, definition: ResourceDefinition, subresource: String? = nil,
        name: String, namespace: String, user: UserInfo, object: JSONValue?, oldObject: JSONValue?,
        options: JSONValue, isDryRun: Bool, warnings: WarningCollector
    ) {
        self.uid = uid
        self.operation = operation
        self.definition = definition
        self.subresource = subresource
        self.name = name
        self.namespace = namespace
        self.user = user
        self.object = object
        self.oldObject = oldObject
        self.options = options
        self.isDryRun = isDryRun
        self.warnings = warnings
    }
}

/// The cluster as admission plugins read and change it, whoever makes the request.
public protocol AdmissionCluster: Sendable {
    var now: Timestamp { get }
    /// The definition that serves this group and plural in any version; nil if none does.
    func definition(group: String, plural: String) -> ResourceDefinition?
    /// The object as it is stored now; nil if there is none.
    func get(group: String, plural: String, namespace: String, name: String) async throws(APIError)
        -> JSONValue?
    /// All objects of a namespace; of all namespaces if it is nil.
    func list(group: String, plural: String, namespace: String?) async throws(APIError) -> [JSONValue]
    /// Stores an object that was read from here with its `status` changed; throws a conflict (409) if it
    /// has changed since. No admission, no audit entry.
    @discardableResult
    func updateStatus(group: String, plural: String, _ object: JSONValue) async throws(APIError) -> JSONValue
}
