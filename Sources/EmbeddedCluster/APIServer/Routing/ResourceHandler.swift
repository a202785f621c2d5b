import KubernetesAPI

/// Answers one request on a resource.
struct ResourceHandler: Sendable {
    let router: RequestRouter
    let context: RequestContext

    private var core: ServerCore { router.core }

    func respond() async throws(APIError) -> APIResponse {
        if let refusal = try refusalOfScope() { return refusal }
        if !context.path.subresource.isEmpty { return try await subresource() }
        if let review = try ReviewHandler(core: core, context: context).respond() { return review }
        // An answer that the client would not take is refused before anything is written.
        _ = try representation()
        let verb = context.request.verb(for: context.path)
        guard context.definition.verbs.contains(verb) else {
            throw .methodNotAllowed("the server does not allow this method on the requested resource")
        }
        switch verb {
        case "get": return try single(200, core.get(context))
        case "list": return try await list()
        case "watch": return try await watch()
        case "create": return try await create()
        case "update": return try await write(.update, .object)
        case "patch": return try await write(Write.Operation(patch: context), .object)
        case "delete": return try await delete()
        case "deletecollection": return try await deleteCollection()
        default:
            throw .methodNotAllowed("the server does not allow this method on the requested resource")
        }
    }

    /// Refuses paths that name too little: an object of no namespace, a write to all objects of a kind.
    private func refusalOfScope() throws(APIError) -> APIResponse? {
        let isEverywhere = context.type.isNamespaced && context.path.namespace.isEmpty
        let (isNamed, method) = (!context.path.name.isEmpty, context.request.method)
        guard isEverywhere ? isNamed || method != "GET" : !isNamed && ["PUT", "PATCH"].contains(method) else {
            return nil
        }
        if isEverywhere, context.resource.isCustom { return .pageNotFound }
        if isNamed { throw .noSuchResource }
        throw .methodNotAllowed("the server does not allow this method on the requested resource")
    }

    private func subresource() async throws(APIError) -> APIResponse {
        try refuseUnsupported()
        guard let subresource = Subresource(rawValue: context.path.subresource),
            context.definition.subresources.contains(subresource)
        else { return .pageNotFound }
        let verb = context.request.verb(for: context.path)
        guard subresource.verbs.contains(verb) else {
            throw .methodNotAllowed("the server does not allow this method on the requested resource")
        }
        switch subresource {
        case .status, .approval:
            switch verb {
            case "get": return try single(200, core.get(context))
            case "update": return try await write(.update, .status)
            default: return try await write(Write.Operation(patch: context), .status)
            }
        case .finalize: return try await write(.update, .finalize)
        case .binding: return try await core.bind(try context.writing())
        case .eviction: return try await core.evict(try context.writing())
        case .token: return try core.requestToken(try context.writing())
        case .log: return try await router.nodeProxy.logs(context, core)
        }
    }

    /// Says of a subresource that a real cluster has why it is not here, if its object is.
    private func refuseUnsupported() throws(APIError) {
        let name = context.path.subresource.prefix { $0 != "/" }
        guard let advice = context.definition.unsupportedSubresources[String(name)] else { return }
        _ = try core.get(context)
        throw APIError(
            code: 501, reason: "NotImplemented",
            message: "\(context.type.plural)/\(name) is not supported by the embedded cluster: \(advice)",
            details: StatusDetails(
                name: context.key.name, group: context.type.group.isEmpty ? nil : context.type.group,
                kind: context.type.plural))
    }

    private func create() async throws(APIError) -> APIResponse {
        guard context.path.name.isEmpty else {
            throw .methodNotAllowed("the server does not allow this method on the requested resource")
        }
        return try await write(.create, .object)
    }

    private func write(_ operation: Write.Operation, _ scope: WriteScope) async throws(APIError)
        -> APIResponse
    {
        let outcome = try await Write(core, try context.writing(), operation, scope: scope).run()
        return try single(outcome.isNew ? 201 : 200, outcome.object)
    }

    // MARK: Reading

    private func representation() throws(APIError) -> Representation {
        guard let representation = Representation(accept: context.request.headers["accept"]) else {
            throw .notAcceptable
        }
        return representation
    }

    private func single(_ status: Int, _ object: JSONValue) throws(APIError) -> APIResponse {
        switch try representation() {
        case .object: return .json(status, object)
        case .metadata: return .json(status, object.partialMetadata)
        case .table:
            let version = object[metadata: "resourceVersion"] ?? ""
            return .json(
                status, table.table([object], metadata: ["resourceVersion": version], now: context.now))
        }
    }

    private var table: TableRendering {
        TableRendering(context.definition, includeObject: context.request.query["includeObject"])
    }

    private func list() async throws(APIError) -> APIResponse {
        let representation = try representation()
        let page = try await core.list(context)
        switch representation {
        case .table:
            return .json(200, table.table(page.objects, metadata: page.metadata, now: context.now))
        case .metadata:
            return .json(
                200,
                [
                    "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                    "metadata": page.metadata, "items": .array(page.objects.map(\.partialMetadata)),
                ])
        case .object:
            return .json(200, objectList(page.objects, metadata: page.metadata))
        }
    }

    /// The items of built-in lists do without kind and version; those of custom ones have them.
    private func objectList(_ objects: [JSONValue], metadata: JSONValue) -> JSONValue {
        var metadata = metadata
        var items = objects
        if context.resource.isCustom {
            metadata["continue"] = metadata["continue"] ?? ""
        } else {
            items = objects.map { object in
                var item = object
                item["kind"] = nil
                item["apiVersion"] = nil
                return item
            }
        }
        return [
            "kind": .string(context.definition.listKind), "apiVersion": .string(context.type.apiVersion),
            "metadata": metadata, "items": .array(items),
        ]
    }

    private func watch() async throws(APIError) -> APIResponse {
        let plan = try await core.planWatch(context, try representation())
        let (core, interval) = (core, router.bookmarkInterval)
        return APIResponse(
            status: 200, headers: [("Content-Type", "application/json")],
            body: .stream(
                ByteStream { sink in
                    try await core.runWatch(plan, bookmarkInterval: interval, to: &sink)
                } cancel: {
                    if let subscription = plan.subscription { core.store.unsubscribe(subscription) }
                }))
    }

    // MARK: Deleting

    /// Kinds whose deletion is answered with the object even if it is gone.
    private static let answeredWithObject: Set<String> = [
        "pods", "serviceaccounts", "persistentvolumeclaims", "persistentvolumes", "resourcequotas",
        "podtemplates",
    ]

    private func delete() async throws(APIError) -> APIResponse {
        let options = try DeleteOptions(context)
        switch try await core.delete(context, options) {
        case .pending(let object):
            // Only who asks for a cascade in the old way hears that it goes on.
            return try single(options.orphanDependents == false ? 202 : 200, object)
        case .deleted(let object):
            if context.type.group.isEmpty, Self.answeredWithObject.contains(context.type.plural) {
                return try single(200, object)
            }
            let status = Status(
                status: "Success",
                details: StatusDetails(
                    name: object.objectName, group: context.type.group.isEmpty ? nil : context.type.group,
                    kind: context.type.plural, uid: object.uid))
            return .json(200, status.body)
        }
    }

    private func deleteCollection() async throws(APIError) -> APIResponse {
        let page = try await core.list(context)
        let options = try DeleteOptions(context)
        for object in page.objects {
            var single = context
            single.path.name = object.objectName
            single.path.namespace = object.objectNamespace
            do throws(APIError) {
                _ = try await core.delete(single, options)
            } catch  where error.code != 404 {
                throw error
            }
        }
        // The answer is the list as it was found.
        return .json(200, objectList(page.objects, metadata: page.metadata))
    }
}
