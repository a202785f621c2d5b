import KubernetesAPI

/// Something that may change or refuse a write before it is stored: webhooks, quotas.
///
/// For each write the server asks all plugins to `admit`, in order, then validates the object, then asks
/// all plugins to `validate`, in order, and stores.
public protocol AdmissionPlugin: Sendable {
    /// May change `request.object`; throws to refuse.
    func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError)

    /// May only refuse. Called after all changes and after validation.
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
    /// Empty while `generateName` has not been turned into a name.
    public var name: String
    /// Empty for cluster-scoped objects.
    public var namespace: String
    public var user: UserInfo
    /// Nil on deletion.
    public var object: JSONValue?
    /// Nil on creation.
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

/// What an admission plugin may see and do of the cluster; unaffected by who asks.
public protocol AdmissionCluster: Sendable {
    var now: Timestamp { get }
    /// The definition that serves this group and plural (any version), if there is one.
    func definition(group: String, plural: String) -> ResourceDefinition?
    /// The object as it is stored now.
    func get(group: String, plural: String, namespace: String, name: String) async throws(APIError)
        -> JSONValue?
    /// All objects of a namespace; of all namespaces if it is nil.
    func list(group: String, plural: String, namespace: String?) async throws(APIError) -> [JSONValue]
    /// Stores an object that was read from here with its `status` changed; throws a conflict (409) if it
    /// has changed since. No admission, no audit entry.
    @discardableResult
    func updateStatus(group: String, plural: String, _ object: JSONValue) async throws(APIError) -> JSONValue
}
