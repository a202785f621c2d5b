import KubernetesAPI

extension ServerCore {
    /// Names that are tried for one `generateName` before giving up.
    private static let generatedNameTries = 8

    func create(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let object = try context.decodeObject()
        return try await create(object, context, optionsKind: "CreateOptions")
    }

    /// Creates `object`, which was decoded and defaulted.
    ///
    /// - Parameter manages: whether the ownership of fields is still to be computed; an apply has done it
    func create(
        _ object: JSONValue, _ context: RequestContext, optionsKind: String, manages: Bool = true
    ) async throws(APIError) -> JSONValue {
        var object = object
        try adoptIdentity(&object, context)
        try checkNamespace(for: context, name: object.objectName)
        resetSystemFields(&object, context)
        if manages { object = FieldOwnership(context, scope: .object).updated(object, live: nil) }
        var request = admissionRequest(.create, context, object: object, old: nil, optionsKind: optionsKind)
        request.name = object.objectName
        try await admit(&request)
        object = request.object ?? object
        let isGenerated = object.objectName.isEmpty && !(object[metadata: "generateName"] ?? "").isEmptyText
        var lastError = APIError.internalError("no name could be generated")
        for _ in 0..<(isGenerated ? Self.generatedNameTries : 1) {
            if isGenerated { object[metadata: "name"] = generatedName(for: object) }
            do throws(APIError) {
                return try await createNamed(object, context, &request)
            } catch {
                guard isGenerated, error.status.reason == "AlreadyExists" else { throw error }
                lastError = error
            }
        }
        throw lastError
    }

    private func createNamed(
        _ admitted: JSONValue, _ context: RequestContext, _ request: inout AdmissionRequest
    ) async throws(APIError) -> JSONValue {
        var object = admitted
        setSystemFields(&object, context)
        context.definition.strategy.prepareForCreate(&object, context.strategyContext)
        object.tidyMetadata()
        try validateCreate(object, context)
        request.object = object
        request.name = object.objectName
        let key = ObjectKey(namespace: context.key.namespace, name: object.objectName)
        // A quota must not be charged for what exists already.
        guard store.get(context.resource.storage, key) == nil else {
            throw .alreadyExists(context.type, name: key.name)
        }
        let admitted = request
        defer { for plugin in plugins { plugin.completed(admitted) } }
        try await validateAdmission(request)
        if context.isDryRun { return object }
        do {
            let stored = try await store.create(
                context.resource.storage, key, context.resource.stored(object))
            return context.resource.shown(stored.value)
        } catch .conflict {
            throw .alreadyExists(context.type, name: key.name)
        } catch {
            throw APIError(error, context.type, name: key.name)
        }
    }

    private func validateCreate(_ object: JSONValue, _ context: RequestContext) throws(APIError) {
        let definition = context.definition
        var errors = MetadataValidation.validate(object, rule: definition.nameRule)
        errors += definition.schema.validate(object, beside: errors)
        // What the kind itself checks may rely on the types.
        if !errors.contains(where: { $0.code == .typeInvalid }) {
            errors += definition.strategy.validateCreate(object, context.strategyContext)
        }
        errors = errors.withoutRepetitions()
        guard errors.isEmpty else {
            throw .invalid(definition.type, name: object.objectName, errors)
        }
        definition.strategy.warnings(for: object, old: nil).forEach(context.warnings.add)
    }

    /// Namespace and name of the URL hold, and must not be contradicted.
    private func adoptIdentity(_ object: inout JSONValue, _ context: RequestContext) throws(APIError) {
        let namespace = object.objectNamespace
        let own = context.key.namespace
        guard namespace.isEmpty || namespace == own else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request")
        }
        object[metadata: "namespace"] = own.isEmpty ? JSONValue?.none : .string(own)
        let name = object.objectName
        guard context.path.name.isEmpty || name.isEmpty || name == context.path.name else {
            throw .badRequest(
                "the name of the object (\(name)) does not match the name on the URL (\(context.path.name))")
        }
        if !context.path.name.isEmpty { object[metadata: "name"] = .string(context.path.name) }
        guard context.isDryRun || (object[metadata: "resourceVersion"] ?? "").isEmptyText else {
            throw APIError(
                Status(message: "resourceVersion should not be set on objects to be created", code: 500))
        }
    }

    private func resetSystemFields(_ object: inout JSONValue, _ context: RequestContext) {
        for field in [
            "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
            "selfLink", "resourceVersion",
        ] {
            object[metadata: field] = nil
        }
        if context.definition.subresources.contains(.status) { object["status"] = nil }
        object.tidyMetadata()
    }

    private func setSystemFields(_ object: inout JSONValue, _ context: RequestContext) {
        object[metadata: "uid"] = .string(environment.makeUID())
        object[metadata: "creationTimestamp"] = .string(context.now.description)
        if context.definition.hasGeneration { object.generation = 1 }
    }

    private func generatedName(for object: JSONValue) -> JSONValue {
        let prefix = object[metadata: "generateName"]?.stringValue ?? ""
        return .string(String(prefix.prefix(58)) + environment.randomSuffix(5))
    }
}

extension JSONValue {
    var isEmptyText: Bool { isNull || stringValue?.isEmpty == true }
}

extension [FieldError] {
    /// Schema and strategy may both notice the same thing.
    func withoutRepetitions() -> [FieldError] {
        var seen: Set<FieldError> = []
        return filter { seen.insert($0).inserted }
    }
}
