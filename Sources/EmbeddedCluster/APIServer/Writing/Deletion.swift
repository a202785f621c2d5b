import KubernetesAPI

/// `metav1.DeleteOptions`, from the body and the query.
struct DeleteOptions: Sendable {
    var gracePeriodSeconds: Int64?
    var propagation: PropagationPolicy?
    var uid: String?
    var resourceVersion: String?

    init(_ context: RequestContext) throws(APIError) {
        let query = context.request.query
        var propagation = query["propagationPolicy"]
        gracePeriodSeconds = query.integer("gracePeriodSeconds")
        var orphans = query["orphanDependents"].map { $0 == "true" }
        if !context.request.body.isEmpty {
            let body = try context.parseBody()
            gracePeriodSeconds = body["gracePeriodSeconds"]?.integerValue ?? gracePeriodSeconds
            propagation = body["propagationPolicy"]?.stringValue ?? propagation
            orphans = body["orphanDependents"]?.boolValue ?? orphans
            uid = body["preconditions"]?["uid"]?.stringValue
            resourceVersion = body["preconditions"]?["resourceVersion"]?.stringValue
        }
        if let propagation {
            guard let policy = PropagationPolicy(rawValue: propagation) else {
                let options = ResourceType(
                    group: "meta.k8s.io", version: "v1", kind: "DeleteOptions", plural: "")
                throw .invalid(
                    options, name: "",
                    [
                        .notSupported(
                            "propagationPolicy", .string(propagation),
                            supported: ["Foreground", "Background", "Orphan", "nil"])
                    ])
            }
            self.propagation = policy
        } else if let orphans {
            self.propagation = orphans ? .orphan : .background
        }
    }
}

/// Result of a deletion.
enum DeletionOutcome: Sendable {
    /// The object is gone; this is its last state.
    case deleted(JSONValue)
    /// The object waits for finalizers or for the node agent.
    case pending(JSONValue)
}

extension ServerCore {
    private static let orphanFinalizer = "orphan"
    private static let foregroundFinalizer = "foregroundDeletion"
    private static let deletionTries = 10
    /// Longest grace period in seconds: no instant that can be written lies further away.
    private static let longestGracePeriod = Int64(Int32.max)

    func delete(_ context: RequestContext, _ options: DeleteOptions) async throws(APIError) -> DeletionOutcome
    {
        for attempt in 1... {
            guard let current = store.get(context.resource.storage, context.key) else {
                throw .notFound(context.type, name: context.key.name)
            }
            let old = context.resource.shown(current.value)
            try check(options, old, context)
            var request = admissionRequest(.delete, context, object: nil, old: old)
            try await admit(&request)
            try await validateAdmission(request)
            do throws(StoreError) {
                return try await remove(old, current.revision, context, options)
            } catch {
                guard error == .conflict, attempt < Self.deletionTries else {
                    throw APIError(error, context.type, name: context.key.name)
                }
            }
        }
        throw .internalError("unreachable")
    }

    private func check(
        _ options: DeleteOptions, _ old: JSONValue, _ context: RequestContext
    ) throws(APIError) {
        // Preconditions name the kind where everything else names the resource.
        var kind = context.type
        kind.plural = kind.kind
        if let uid = options.uid, uid != old.uid {
            throw .conflict(
                kind, name: context.key.name,
                "the UID in the precondition (\(uid)) does not match the UID in record (\(old.uid)). "
                    + "The object might have been deleted and then recreated")
        }
        let version = old[metadata: "resourceVersion"]?.stringValue ?? ""
        if let wanted = options.resourceVersion, wanted != version {
            throw .conflict(
                kind, name: context.key.name,
                "the ResourceVersion in the precondition (\(wanted)) does not match the ResourceVersion in "
                    + "record (\(version)). The object might have been modified")
        }
    }

    private func remove(
        _ old: JSONValue, _ revision: Int64, _ context: RequestContext, _ options: DeleteOptions
    ) async throws(StoreError) -> DeletionOutcome {
        var object = old
        let strategy = context.definition.strategy
        object.finalizers = finalizers(for: old, options.propagation, strategy)
        markAsDeleted(&object, old, grace: gracePeriod(for: old, options, context), context)
        let holds = !object.finalizers.isEmpty || strategy.holdsBack(object)
        if context.isDryRun { return holds ? .pending(object) : .deleted(object) }
        guard holds else {
            // An object without a grace period goes at once, in the state that it had.
            let final = strategy.gracePeriodSeconds(for: old, requested: nil) == nil ? old : object
            let last = try await store.delete(
                context.resource.storage, context.key, last: context.resource.stored(final),
                expected: revision)
            let shown = context.resource.shown(last.value)
            return .deleted(shown)
        }
        if object == old { return .pending(old) }
        let stored = try await store.replace(
            context.resource.storage, context.key, context.resource.stored(object), expected: revision)
        return .pending(context.resource.shown(stored.value))
    }

    /// The finalizers that the garbage collector will serve, beside those of others.
    private func finalizers(
        for old: JSONValue, _ requested: PropagationPolicy?, _ strategy: any ResourceStrategy
    ) -> [String] {
        if requested == nil,
            old.finalizers.contains(where: { $0 == Self.orphanFinalizer || $0 == Self.foregroundFinalizer })
        {
            return old.finalizers
        }
        var finalizers = old.finalizers.filter {
            $0 != Self.orphanFinalizer && $0 != Self.foregroundFinalizer
        }
        switch requested ?? strategy.defaultPropagation {
        case .background: break
        case .orphan: finalizers.append(Self.orphanFinalizer)
        case .foreground: finalizers.append(Self.foregroundFinalizer)
        }
        return finalizers
    }

    /// Seconds that the object still gets: never more than a deletion under way allows it.
    private func gracePeriod(for old: JSONValue, _ options: DeleteOptions, _ context: RequestContext) -> Int64
    {
        let strategy = context.definition.strategy
        guard let requested = strategy.gracePeriodSeconds(for: old, requested: options.gracePeriodSeconds)
        else { return 0 }
        let grace = min(max(requested, 0), Self.longestGracePeriod)
        if old.isBeingDeleted, let current = old[metadata: "deletionGracePeriodSeconds"]?.integerValue {
            return min(grace, max(current, 0))
        }
        return grace
    }

    private func markAsDeleted(
        _ object: inout JSONValue, _ old: JSONValue, grace: Int64, _ context: RequestContext
    ) {
        if old.isBeingDeleted {
            // The clock can only be turned forward.
            let current = old[metadata: "deletionGracePeriodSeconds"]?.integerValue ?? 0
            guard grace < current, let text = old[metadata: "deletionTimestamp"]?.stringValue,
                let deadline = Timestamp(text)
            else { return }
            object[metadata: "deletionTimestamp"] = .string(
                deadline.advanced(by: grace - current).description)
            object[metadata: "deletionGracePeriodSeconds"] = .integer(grace)
            return
        }
        object[metadata: "deletionTimestamp"] = .string(context.now.advanced(by: grace).description)
        object[metadata: "deletionGracePeriodSeconds"] = .integer(grace)
        if let generation = old.generation, generation > 0 { object.generation = generation + 1 }
        context.definition.strategy.prepareForDeletion(&object)
    }
}
