import FoundationEssentials
import HTTPTransport
import KubernetesAPI

// Requests by type of object. A namespaced object without a namespace goes to the configured one.
extension KubernetesClient {
    /// - Throws: `.api` with `isNotFound` where there is no such object.
    public func get<R: KubernetesResource>(_: R.Type, _ key: ObjectKey) async throws(KubernetesError) -> R {
        try decode(await send(R.resourceType.get(namespace: namespace(of: key), name: key.name)))
    }

    /// One page, or all objects at once. All items must decode: `listLeniently` accepts others.
    public func list<R: KubernetesResource>(
        _: R.Type, namespace: String? = nil, options: ListOptions = ListOptions()
    ) async throws(KubernetesError) -> ResourceList<R> {
        try decode(await send(R.resourceType.list(namespace: namespace, options: options)))
    }

    /// One page, with the readable parts of objects that do not decode.
    public func listLeniently<R: KubernetesResource>(
        _: R.Type, namespace: String? = nil, options: ListOptions = ListOptions()
    ) async throws(KubernetesError) -> DecodedList<R> {
        try decode(await send(R.resourceType.list(namespace: namespace, options: options)))
    }

    /// All objects, fetched page by page. If a page's token expires on the way, it starts anew.
    public func listAll<R: KubernetesResource>(
        _: R.Type, namespace: String? = nil, options: ListOptions = ListOptions(), pageSize: Int = 500
    ) async throws(KubernetesError) -> ResourceList<R> {
        var restarts = 0
        var result = ResourceList<R>(metadata: ListMeta(), items: [])
        var options = options
        options.limit = pageSize
        options.continue = nil
        while true {
            do throws(KubernetesError) {
                let page = try await list(R.self, namespace: namespace, options: options)
                result.items += page.items
                result.metadata = page.metadata
                guard let next = page.metadata.continue, !next.isEmpty else { return result }
                options.continue = next
            } catch {
                guard error.isExpired, options.continue != nil, restarts < 3 else { throw error }
                restarts += 1
                result.items = []
                options.continue = nil
            }
        }
    }

    @discardableResult
    public func create<R: KubernetesResource>(
        _ object: R, fieldManager: String? = nil
    ) async throws(KubernetesError) -> R {
        let body = try WireObject.body(of: object)
        return try decode(
            await send(
                R.resourceType.create(
                    namespace: namespace(of: object.key), body: body, fieldManager: fieldManager)))
    }

    /// Creates an object and decodes only the identity from the answer: UID, version and creation time are
    /// set in the object that is returned; the server's defaults are not.
    public func createIdentified<R: KubernetesResource>(
        _ object: R, fieldManager: String? = nil
    ) async throws(KubernetesError) -> R {
        let body = try WireObject.body(of: object)
        let response = try await send(
            R.resourceType.create(
                namespace: namespace(of: object.key), body: body, fieldManager: fieldManager))
        func assigned(_ name: StaticString) -> String? {
            JSONMember.string(at: ["metadata", name], in: response.body)
        }
        guard let uid = assigned("uid"), let version = assigned("resourceVersion") else {
            throw .decoding("\(R.resourceType.kind) '\(object.key)' was created without a UID or a version")
        }
        var created = object
        created.metadata.uid = uid
        created.metadata.resourceVersion = version
        created.metadata.creationTimestamp = assigned("creationTimestamp").flatMap(Timestamp.init)
        return created
    }

    /// Replaces an object. With a `metadata.resourceVersion` it fails with `isConflict` if the object has
    /// changed since.
    @discardableResult
    public func update<R: KubernetesResource>(
        _ object: R, subresource: String? = nil, fieldManager: String? = nil
    ) async throws(KubernetesError) -> R {
        let body = try WireObject.body(of: object)
        return try decode(
            await send(
                R.resourceType.update(
                    namespace: namespace(of: object.key), name: object.name, body: body,
                    fieldManager: fieldManager, subresource: subresource)))
    }

    @discardableResult
    public func patch<R: KubernetesResource>(
        _: R.Type, _ key: ObjectKey, _ patch: Patch, subresource: String? = nil
    ) async throws(KubernetesError) -> R {
        try decode(
            await send(
                R.resourceType.patch(
                    namespace: namespace(of: key), name: key.name, patch, subresource: subresource)))
    }

    /// Patches an object and decodes only its new version from the answer; nil if the answer has none.
    public func patchVersion<R: KubernetesResource>(
        _: R.Type, _ key: ObjectKey, _ patch: Patch, subresource: String? = nil
    ) async throws(KubernetesError) -> String? {
        let response = try await send(
            R.resourceType.patch(
                namespace: namespace(of: key), name: key.name, patch, subresource: subresource))
        return JSONMember.string(at: ["metadata", "resourceVersion"], in: response.body)
    }

    /// Applies an object on the server. Fields that only the server sets are left out; for `subresource:
    /// "status"` only the status is sent, otherwise all but the status.
    @discardableResult
    public func apply<R: KubernetesResource>(
        _ object: R, fieldManager: String, force: Bool = true, subresource: String? = nil
    ) async throws(KubernetesError) -> R {
        let value = try WireObject.applied(object, isStatus: subresource == "status")
        return try await patch(
            R.self, object.key, .apply(value, fieldManager: fieldManager, force: force),
            subresource: subresource)
    }

    public func delete<R: KubernetesResource>(
        _: R.Type, _ key: ObjectKey, options: DeleteOptions = DeleteOptions()
    ) async throws(KubernetesError) {
        let request: APIRequest
        do {
            request = try R.resourceType.delete(
                namespace: namespace(of: key), name: key.name, options: options)
        } catch {
            throw .decoding("the delete options cannot be encoded: \(error)")
        }
        _ = try await send(request)
    }

    func namespace(of key: ObjectKey) -> String {
        key.namespace.isEmpty ? configuration.namespace : key.namespace
    }

    private func decode<T: Decodable>(_ response: HTTPResponse) throws(KubernetesError) -> T {
        do {
            return try JSONDecoder().decode(T.self, from: response.body)
        } catch {
            throw .decoding("\(T.self): \(DecodingFailure.describe(error))")
        }
    }
}

/// The JSON of objects that are sent.
enum WireObject {
    /// Metadata that only the server sets, and that an apply must not claim.
    private static let serverMetadata = [
        "resourceVersion", "uid", "creationTimestamp", "generation", "deletionTimestamp",
        "deletionGracePeriodSeconds", "managedFields", "selfLink",
    ]

    static func body<R: KubernetesResource>(of object: R) throws(KubernetesError) -> Data {
        try value(of: object).serialized()
    }

    static func applied<R: KubernetesResource>(
        _ object: R, isStatus: Bool
    ) throws(KubernetesError) -> JSONValue {
        var value = try value(of: object)
        for name in serverMetadata { value["metadata"]?[name] = nil }
        guard isStatus else {
            value["status"] = nil
            return value
        }
        // The apply of the object itself owns labels and owners.
        let metadata = value["metadata"]
        var identity: JSONValue = [:]
        for name in ["name", "namespace"] { identity[name] = metadata?[name] }
        return [
            "apiVersion": value["apiVersion"] ?? .null, "kind": value["kind"] ?? .null, "metadata": identity,
            "status": value["status"] ?? [:],
        ]
    }

    private static func value<R: KubernetesResource>(of object: R) throws(KubernetesError) -> JSONValue {
        do {
            var value = try JSONValue(encoding: object)
            value["apiVersion"] = .string(R.resourceType.apiVersion)
            value["kind"] = .string(R.resourceType.kind)
            return value
        } catch {
            throw .decoding("\(R.resourceType.kind) '\(object.key)' cannot be encoded: \(error)")
        }
    }
}
