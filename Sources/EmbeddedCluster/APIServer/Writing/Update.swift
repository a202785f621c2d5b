import KubernetesAPI

/// Which part of an object a write may change.
enum WriteScope: Sendable {
    case object, status
    /// `namespaces/finalize`: the finalizers in the spec.
    case finalize

    /// As it stands in `managedFields`.
    var subresource: String {
        switch self {
        case .object: ""
        case .status: "status"
        case .finalize: "finalize"
        }
    }
}

extension ServerCore {
    /// Writes that race with others are tried again this often.
    private static let conflictTries = 10

    /// Replaces an object by what `transform` makes of it.
    ///
    /// - Parameters:
    ///   - manages: whether the ownership of fields is still to be computed; an apply has done it
    ///   - transform: gets the current object as this kind shows it
    func update(
        _ context: RequestContext, scope: WriteScope, optionsKind: String, manages: Bool = true,
        transform: (JSONValue) throws(APIError) -> JSONValue
    ) async throws(APIError) -> JSONValue {
        for attempt in 1... {
            guard let current = store.get(context.resource.storage, context.key) else {
                throw .notFound(context.type, name: context.key.name)
            }
            let old = context.resource.shown(current.value)
            let proposed = try transform(old)
            let result: Result<JSONValue, APIError>
            do throws(StoreError) {
                result = try await write(
                    proposed, over: old, current.revision, context, scope, optionsKind, manages: manages)
            } catch {
                let isPinned = proposed[metadata: "resourceVersion"] != old[metadata: "resourceVersion"]
                guard error == .conflict, !isPinned, attempt < Self.conflictTries else {
                    throw APIError(error, context.type, name: context.key.name)
                }
                continue
            }
            return try result.get()
        }
        throw .internalError("unreachable")
    }

    private func write(
        _ proposed: JSONValue, over old: JSONValue, _ revision: Int64, _ context: RequestContext,
        _ scope: WriteScope, _ optionsKind: String, manages: Bool
    ) async throws(StoreError) -> Result<JSONValue, APIError> {
        var object = proposed
        do throws(APIError) {
            try checkPreconditions(object, old, context, optionsKind)
            restrict(&object, old, context, scope)
            if manages { object = FieldOwnership(context, scope: scope).updated(object, live: old) }
            var request = admissionRequest(
                .update, context, object: object, old: old, optionsKind: optionsKind)
            try await admit(&request)
            object = request.object ?? object
            restrict(&object, old, context, scope)
            prepare(&object, old, context, scope)
            try validateUpdate(object, old, context, scope)
            request.object = object
            try await validateAdmission(request)
        } catch {
            return .failure(error)
        }
        if object.isSameContent(as: old) { return .success(old) }
        if context.isDryRun { return .success(object) }
        let key = context.key
        if isFinished(object, context) {
            _ = try await store.delete(
                context.resource.storage, key, last: context.resource.stored(old), expected: revision)
            object[metadata: "resourceVersion"] = old[metadata: "resourceVersion"]
            return .success(object)
        }
        let stored = try await store.replace(
            context.resource.storage, key, context.resource.stored(object), expected: revision)
        return .success(context.resource.shown(stored.value))
    }

    /// Whether the last finalizer of a dying object has gone.
    func isFinished(_ object: JSONValue, _ context: RequestContext) -> Bool {
        guard object.isBeingDeleted, object.finalizers.isEmpty else { return false }
        if context.type.group.isEmpty, context.type.plural == "namespaces" {
            return (object["spec"]?["finalizers"]?.arrayValue ?? []).isEmpty
        }
        return (object[metadata: "deletionGracePeriodSeconds"]?.integerValue ?? 0) == 0
    }

    private func checkPreconditions(
        _ object: JSONValue, _ old: JSONValue, _ context: RequestContext, _ optionsKind: String
    ) throws(APIError) {
        try checkIdentity(object, context)
        let name = context.key.name
        let (version, uid) = (object[metadata: "resourceVersion"] ?? "", object.uid)
        if version.isEmptyText {
            // A custom resource cannot be overwritten blindly.
            if context.resource.isCustom {
                var error = APIError.invalid(
                    context.type, name: name,
                    [.invalid("metadata.resourceVersion", 0, "must be specified for an update")])
                error.status.message = error.status.message?.replacingPrefix(
                    "\(context.type.kind).\(context.type.group)", with: context.type.qualifiedName)
                error.status.details?.kind = context.type.plural
                throw error
            }
        } else if version != old[metadata: "resourceVersion"] {
            throw APIError(.conflict, context.type, name: name)
        }
        // A patch has no such precondition: what it makes of the identifier is judged as a value.
        guard uid.isEmpty || uid == old.uid || optionsKind == "PatchOptions" else {
            let group = context.resource.isCustom ? "\(context.type.group)/" : ""
            throw .conflict(
                context.type, name: name,
                "StorageError: invalid object, Code: 4, Key: /registry/\(group)\(context.type.plural)/\(context.key), "
                    + "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: "
                    + "\(uid), UID in object meta: \(old.uid)")
        }
    }

    /// Name and namespace of the URL must not be contradicted.
    private func checkIdentity(_ object: JSONValue, _ context: RequestContext) throws(APIError) {
        let name = context.key.name
        let given = object.objectName
        guard given.isEmpty || given == name else {
            throw .badRequest(
                "the name of the object (\(given)) does not match the name on the URL (\(name))")
        }
        let namespace = object.objectNamespace
        guard namespace.isEmpty || namespace == context.key.namespace else {
            throw .badRequest(
                "the namespace of the object (\(namespace)) does not match the namespace on the URL (\(context.key.namespace))"
            )
        }
    }

    /// Puts back what a write of this scope cannot change, silently.
    private func restrict(
        _ object: inout JSONValue, _ old: JSONValue, _ context: RequestContext, _ scope: WriteScope
    ) {
        for field in ["uid", "name", "namespace"]
        where (object[metadata: field] ?? "").isEmptyText {
            object[metadata: field] = old[metadata: field]
        }
        for field in [
            "generation", "selfLink", "resourceVersion", "creationTimestamp", "deletionTimestamp",
            "deletionGracePeriodSeconds", "generateName",
        ] {
            object[metadata: field] = old[metadata: field]
        }
        switch scope {
        case .object:
            if context.definition.subresources.contains(.status) { object["status"] = old["status"] }
        case .status:
            restrictToStatus(&object, old, context)
        case .finalize:
            let finalizers = object["spec"]?["finalizers"]
            let managed = object[metadata: "managedFields"]
            object = old
            object[path: ["spec", "finalizers"]] = finalizers
            object[metadata: "managedFields"] = managed
        }
        object.tidyMetadata()
    }

    private func restrictToStatus(_ object: inout JSONValue, _ old: JSONValue, _ context: RequestContext) {
        let (status, metadata) = (object["status"], object["metadata"])
        object = old
        object["status"] = status
        if context.resource.isCustom {
            object[metadata: "managedFields"] = metadata?["managedFields"]
        } else {
            object["metadata"] = metadata
            object[metadata: "ownerReferences"] = old[metadata: "ownerReferences"]
        }
    }

    private func prepare(
        _ object: inout JSONValue, _ old: JSONValue, _ context: RequestContext, _ scope: WriteScope
    ) {
        let strategy = context.definition.strategy
        switch scope {
        case .object: strategy.prepareForUpdate(&object, old: old, context.strategyContext)
        case .status: strategy.prepareForStatusUpdate(&object, old: old, context.strategyContext)
        case .finalize: break
        }
        object.tidyMetadata()
        if case .object = scope, context.definition.hasGeneration, Self.isDesiredStateChanged(object, old) {
            object.generation = (old.generation ?? 0) + 1
        }
    }

    private static func isDesiredStateChanged(_ object: JSONValue, _ old: JSONValue) -> Bool {
        var (mine, others) = (object, old)
        for field in ["metadata", "status"] {
            mine[field] = nil
            others[field] = nil
        }
        return mine != others
    }

    private func validateUpdate(
        _ object: JSONValue, _ old: JSONValue, _ context: RequestContext, _ scope: WriteScope
    ) throws(APIError) {
        let definition = context.definition
        var errors = MetadataValidation.validate(object, rule: definition.nameRule)
        errors += MetadataValidation.validateUpdate(object, old: old)
        errors += definition.schema.validate(object, old: old, beside: errors)
        if !errors.contains(where: { $0.code == .typeInvalid }) {
            switch scope {
            case .object:
                errors += definition.strategy.validateUpdate(object, old: old, context.strategyContext)
            case .status:
                errors += definition.strategy.validateStatusUpdate(object, old: old, context.strategyContext)
            case .finalize: break
            }
        }
        errors = errors.withoutRepetitions()
        guard errors.isEmpty else { throw .invalid(definition.type, name: context.key.name, errors) }
        definition.strategy.warnings(for: object, old: old).forEach(context.warnings.add)
    }
}

extension String {
    func replacingPrefix(_ prefix: String, with replacement: String) -> String {
        hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
    }
}
