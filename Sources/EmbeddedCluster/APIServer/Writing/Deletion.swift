import KubernetesAPI

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

    /// - Parameter request: of which only the object counts: all options are in `options`
    func delete(_ request: RequestContext, _ options: DeleteOptions) async throws(APIError) -> DeletionOutcome
    {
        var context = request
        context.options = WriteOptions()
        context.options.isDryRun = options.isDryRun
        for attempt in 1... {
            guard let current = store.get(context.resource.storage, context.key) else {
                throw .notFound(context.type, name: context.key.name)
            }
            let old = context.resource.shown(current.value)
            try check(options, old, context)
            if isUnderWay(old, options) { return .pending(old) }
            var request = admissionRequest(.delete, context, object: nil, old: old)
            request.options = options.json
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

    /// Refuses a deletion of another object than the one that the client means.
    func check(
        _ options: DeleteOptions, _ old: JSONValue, _ context: RequestContext
    ) throws(APIError) {
        if GroupResource(context.type) == GroupResource(group: "", plural: "namespaces") {
            try checkNamespace(options, old, context)
        }
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

    /// Does the same for a namespace, of which a real server says it in other words.
    private func checkNamespace(
        _ options: DeleteOptions, _ old: JSONValue, _ context: RequestContext
    ) throws(APIError) {
        let found = [
            ("UID", options.uid, old.uid),
            (
                "ResourceVersion", options.resourceVersion,
                old[metadata: "resourceVersion"]?.stringValue ?? ""
            ),
        ]
        for case (let field, let wanted?, let actual) in found where wanted != actual {
            throw .conflict(
                context.type, name: context.key.name,
                "Precondition failed: \(field) in precondition: \(wanted), \(field) in object meta: \(actual)"
            )
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
        guard holds else {
            // An object without a grace period goes at once, in the state that it had.
            let final = strategy.gracePeriodSeconds(for: old, requested: nil) == nil ? old : object
            if context.isDryRun { return .deleted(final) }
            let last = try await store.delete(
                context.resource.storage, context.key, last: context.resource.stored(final),
                expected: revision)
            let shown = context.resource.shown(last.value)
            return .deleted(shown)
        }
        if object == old || context.isDryRun { return .pending(object) }
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

    /// Whether the object is being deleted already, and the request gives it no less time: nothing changes
    /// then, also not what becomes of its dependents.
    private func isUnderWay(_ old: JSONValue, _ options: DeleteOptions) -> Bool {
        guard old.isBeingDeleted, let left = old[metadata: "deletionGracePeriodSeconds"]?.integerValue,
            left > 0
        else { return false }
        return options.gracePeriodSeconds.map { Self.grace($0) >= left } ?? true
    }

    /// Grace period that a number of seconds stands for: what is below zero is as short as can be.
    private static func grace(_ seconds: Int64) -> Int64 {
        seconds < 0 ? 1 : min(seconds, longestGracePeriod)
    }

    /// Seconds that the object still gets: never more than a deletion under way allows it.
    private func gracePeriod(for old: JSONValue, _ options: DeleteOptions, _ context: RequestContext) -> Int64
    {
        let strategy = context.definition.strategy
        guard let requested = strategy.gracePeriodSeconds(for: old, requested: options.gracePeriodSeconds)
        else { return 0 }
        let grace = Self.grace(requested)
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
