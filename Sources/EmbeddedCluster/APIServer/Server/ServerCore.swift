import KubernetesAPI
import Logging

/// Parts that all request handlers share. It has no state of its own beside the store and the registry.
final class ServerCore: Sendable {
    let store: ObjectStore
    let registry: ResourceRegistry
    let environment: ServerEnvironment
    let tokens: TokenIssuer
    let plugins: [any AdmissionPlugin]
    let logger: Logger

    init(
        store: ObjectStore, registry: ResourceRegistry, environment: ServerEnvironment, tokens: TokenIssuer,
        plugins: [any AdmissionPlugin], logger: Logger
    ) {
        self.store = store
        self.registry = registry
        self.environment = environment
        self.tokens = tokens
        self.plugins = plugins
        self.logger = logger
    }

    var now: Timestamp { environment.now() }
}

extension APIError {
    /// A store's error about the object `name`.
    init(_ error: StoreError, _ type: ResourceType, name: String) {
        switch error {
        case .conflict:
            self = .conflict(
                type, name: name,
                "the object has been modified; please apply your changes to the latest version and try again")
        case .compacted(let requested, let oldest):
            self = .expired("too old resource version: \(requested) (\(oldest))")
        case .future(let requested, let current):
            self = .tooLargeResourceVersion(requested, current: current)
        case .database(let text):
            self = .internalError("the store failed: \(text)")
        }
    }

    static func tooLargeResourceVersion(_ requested: Int64, current: Int64) -> APIError {
        APIError(
            code: 504, reason: "Timeout",
            message: "Timeout: Too large resource version: \(requested), current: \(current)",
            details: StatusDetails(
                causes: [
                    StatusCause(reason: "ResourceVersionTooLarge", message: "Too large resource version")
                ], retryAfterSeconds: 1), retryAfter: 1)
    }
}

// MARK: - What admission sees

extension ServerCore: AdmissionCluster {
    func definition(group: String, plural: String) -> ResourceDefinition? {
        registry.definition(group: group, plural: plural)
    }

    func get(
        group: String, plural: String, namespace: String, name: String
    ) async throws(APIError) -> JSONValue? {
        let key = ObjectKey(namespace: namespace, name: name)
        return store.get(GroupResource(group: group, plural: plural), key)?.value
    }

    func list(group: String, plural: String, namespace: String?) async throws(APIError) -> [JSONValue] {
        store.list(GroupResource(group: group, plural: plural), namespace: namespace).objects.map(\.value)
    }

    func updateStatus(
        group: String, plural: String, _ object: JSONValue
    ) async throws(APIError) -> JSONValue {
        guard let resource = registry.find(group: group, plural: plural) else { throw .noSuchResource }
        let metadata = object["metadata"]
        let key = ObjectKey(
            namespace: metadata?["namespace"]?.stringValue ?? "", name: metadata?["name"]?.stringValue ?? "")
        let expected = metadata?["resourceVersion"]?.stringValue.flatMap { Int64($0) } ?? 0
        do {
            return try await store.replace(resource.storage, key, object, expected: expected).value
        } catch {
            throw APIError(error, resource.type, name: key.name)
        }
    }
}
