import KubernetesAPI
import ObjectPatching

/// One write of one object, from the body of its request to the store.
///
/// `run` reads top to bottom, and so does this file: decode, own, admit, restrict, validate, store.
struct Write: Sendable {
    /// Way in which the object comes out of the body.
    enum Operation: Sendable {
        /// The body is a new object.
        case create
        /// The body replaces the object.
        case update
        /// The body says what to change of the object.
        case patch(PatchFormat)
        /// The body says what the client wants of the object, which is made where there is none.
        case apply
    }

    /// Result of a write.
    struct Outcome: Sendable {
        /// The object as it is stored now; on a dry run, as it would be.
        var object: JSONValue
        /// Whether there was no such object before.
        var isNew: Bool
    }

    /// The object that a write finds, as its kind shows it.
    private struct Live {
        var object: JSONValue
        /// The store's revision, which must still be the same when the write is stored.
        var revision: Int64
    }

    /// Attempts to store the object; a race lost at the last one is told to the client as a conflict.
    private static let conflictTries = 10
    /// Number of names made up for one `generateName` before giving up.
    private static let generatedNameTries = 8

    let core: ServerCore
    let context: RequestContext
    let operation: Operation
    let scope: WriteScope
    let ownership: FieldOwnership

    init(_ core: ServerCore, _ context: RequestContext, _ operation: Operation, scope: WriteScope = .object) {
        self.core = core
        self.context = context
        self.operation = operation
        self.scope = scope
        ownership = FieldOwnership(context, scope: scope)
    }

    /// Carries the write out, again from the live object where another write was faster.
    func run() async throws(APIError) -> Outcome {
        let body = try read()
        for _ in 0..<Self.conflictTries {
            let live = try find()
            let decoded = try decode(body, over: live)
            let owned = try own(decoded, over: live)
            let admitted = try await admit(owned, over: live)
            var name = context.key.name
            for _ in 0..<nameTries(admitted) {
                let object = restrict(admitted, over: live)
                try validate(object, over: live)
                if let outcome = try await store(object, over: live, admitted) { return outcome }
                name = object.objectName
            }
            if case .create = operation { throw .alreadyExists(context.type, name: name) }
        }
        throw APIError(.conflict, context.type, name: context.key.name)
    }

    // MARK: Decode

    /// Parses the body, which stays the same over all attempts of the write.
    private func read() throws(APIError) -> JSONValue {
        switch operation {
        case .create: return try context.decodeObject()
        case .update:
            // An object that is missing is the answer (404), whatever the body is.
            _ = try find()
            return try context.decodeObject()
        case .patch: return try context.decodePatch()
        case .apply: return try context.decodeConfiguration()
        }
    }

    /// Looks the object up; nil if this write is to make it.
    private func find() throws(APIError) -> Live? {
        if case .create = operation { return nil }
        if let stored = core.store.get(context.resource.storage, context.key) {
            return Live(object: context.resource.shown(stored.value), revision: stored.revision)
        }
        guard case .apply = operation, scope == .object else {
            throw .notFound(context.type, name: context.key.name)
        }
        return nil
    }

    /// The object that the body asks for, as far as this write may touch it; of an apply, the configuration.
    private func decode(_ body: JSONValue, over live: Live?) throws(APIError) -> JSONValue {
        guard let live else {
            if case .apply = operation {
                try checkAbsence(in: body)
                return body
            }
            return confined(try adopted(body), over: nil)
        }
        switch operation {
        case .create, .update:
            try checkVersion(of: body, over: live.object)
            try checkUID(of: body, over: live.object)
            return confined(body, over: live)
        case .patch(let format):
            let object = try context.patched(live.object, by: body, format)
            // A UID that a patch changes is checked as a value, by validation.
            try checkVersion(of: object, over: live.object)
            return confined(object, over: live)
        case .apply:
            try checkPin(of: body, over: live.object)
            return body
        }
    }

    // MARK: Own

    /// Notes who owns which fields; an apply gets its object here.
    private func own(_ decoded: JSONValue, over live: Live?) throws(APIError) -> JSONValue {
        guard case .apply = operation else { return ownership.updated(decoded, live: live?.object) }
        let applied = try ownership.applied(
            decoded, live: live?.object, force: context.options.isForced)
        return confined(try context.accept(applied), over: live)
    }

    // MARK: Admit

    /// Lets the plugins change the object.
    private func admit(_ object: JSONValue, over live: Live?) async throws(APIError) -> AdmissionRequest {
        var request = core.admissionRequest(
            live == nil ? .create : .update, context, object: object, old: live?.object)
        if live == nil { request.name = object.objectName }
        try await core.admit(&request)
        return request
    }

    /// Number of names that may be tried: several if the server makes them up, else 1.
    private func nameTries(_ admitted: AdmissionRequest) -> Int {
        isNamed(admitted.object ?? .null) ? 1 : Self.generatedNameTries
    }

    private func isNamed(_ object: JSONValue) -> Bool {
        !object.objectName.isEmpty || (object[metadata: "generateName"] ?? "").isEmptyText
    }

    // MARK: Restrict

    /// Puts back what the write cannot change, and sets what the server and the kind compute.
    private func restrict(_ admitted: AdmissionRequest, over live: Live?) -> JSONValue {
        let strategy = context.definition.strategy
        var object = confined(admitted.object ?? .null, over: live)
        guard let old = live?.object else {
            if !isNamed(object) { object[metadata: "name"] = generatedName(for: object) }
            object[metadata: "uid"] = .string(core.environment.makeUID())
            object[metadata: "creationTimestamp"] = .string(context.now.description)
            if context.definition.hasGeneration { object.generation = 1 }
            strategy.prepareForCreate(&object, context.strategyContext)
            object.tidyMetadata()
            return object
        }
        switch scope {
        case .object: strategy.prepareForUpdate(&object, old: old, context.strategyContext)
        case .status: strategy.prepareForStatusUpdate(&object, old: old, context.strategyContext)
        case .finalize: break
        }
        object.tidyMetadata()
        if scope == .object, context.definition.hasGeneration, Self.isDesiredStateChanged(object, old) {
            object.generation = (old.generation ?? 0) + 1
        }
        return object
    }

    /// The object with the fields that are not this write's as they were before, silently.
    private func confined(_ proposed: JSONValue, over live: Live?) -> JSONValue {
        var object = proposed
        let system = [
            "generation", "selfLink", "resourceVersion", "creationTimestamp", "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ]
        guard let old = live?.object else {
            for field in system + ["uid"] { object[metadata: field] = nil }
            if context.definition.subresources.contains(.status) { object["status"] = nil }
            object.tidyMetadata()
            return object
        }
        for field in ["uid", "name", "namespace"] where (object[metadata: field] ?? "").isEmptyText {
            object[metadata: field] = old[metadata: field]
        }
        for field in system + ["generateName"] { object[metadata: field] = old[metadata: field] }
        switch scope {
        case .object:
            if context.definition.subresources.contains(.status) { object["status"] = old["status"] }
        case .status:
            let (status, metadata) = (object["status"], object["metadata"])
            object = old
            object["status"] = status
            if context.resource.isCustom {
                object[metadata: "managedFields"] = metadata?["managedFields"]
            } else {
                object["metadata"] = metadata
                object[metadata: "ownerReferences"] = old[metadata: "ownerReferences"]
            }
        case .finalize:
            let finalizers = object["spec"]?["finalizers"]
            let managed = object[metadata: "managedFields"]
            object = old
            object[path: ["spec", "finalizers"]] = finalizers
            object[metadata: "managedFields"] = managed
        }
        object.tidyMetadata()
        return object
    }

    private func generatedName(for object: JSONValue) -> JSONValue {
        let prefix = object[metadata: "generateName"]?.stringValue ?? ""
        return .string(String(prefix.prefix(58)) + core.environment.randomSuffix(5))
    }

    private static func isDesiredStateChanged(_ object: JSONValue, _ old: JSONValue) -> Bool {
        var (mine, others) = (object, old)
        for field in ["metadata", "status"] {
            mine[field] = nil
            others[field] = nil
        }
        return mine != others
    }

    // MARK: Validate

    /// Checks the object against the rules of metadata, of its schema and of its kind.
    private func validate(_ object: JSONValue, over live: Live?) throws(APIError) {
        let definition = context.definition
        let old = live?.object
        var errors = MetadataValidation.validate(object, rule: definition.nameRule)
        if let old { errors += MetadataValidation.validateUpdate(object, old: old) }
        errors += definition.schema.validate(object, old: old, beside: errors)
        // The kind's own checks may rely on the types.
        if !errors.contains(where: { $0.code == .typeInvalid }) { errors += ownErrors(object, old) }
        errors = errors.withoutRepetitions()
        guard errors.isEmpty else {
            let name = live == nil ? object.objectName : context.key.name
            throw .invalid(definition.type, name: name, errors)
        }
        definition.strategy.warnings(for: object, old: old).forEach(context.warnings.add)
    }

    /// The errors that only the kind can find.
    private func ownErrors(_ object: JSONValue, _ old: JSONValue?) -> [FieldError] {
        let strategy = context.definition.strategy
        guard let old else { return strategy.validateCreate(object, context.strategyContext) }
        switch scope {
        case .object: return strategy.validateUpdate(object, old: old, context.strategyContext)
        case .status: return strategy.validateStatusUpdate(object, old: old, context.strategyContext)
        case .finalize: return []
        }
    }

    // MARK: Store

    /// Lets the plugins refuse the object, and stores it; nil if another write was faster.
    private func store(
        _ object: JSONValue, over live: Live?, _ admitted: AdmissionRequest
    ) async throws(APIError) -> Outcome? {
        var request = admitted
        request.object = object
        if live == nil {
            request.name = object.objectName
            // A quota must not be charged for what exists already.
            guard core.store.get(context.resource.storage, key(of: object)) == nil else { return nil }
        }
        let judged = request
        defer { if live == nil { core.completeAdmission(judged) } }
        try await core.validateAdmission(judged)
        if let old = live?.object, object.isSameContent(as: old) { return Outcome(object: old, isNew: false) }
        if context.isDryRun { return Outcome(object: object, isNew: live == nil) }
        do throws(StoreError) {
            return Outcome(object: try await persist(object, over: live), isNew: live == nil)
        } catch .conflict {
            return nil
        } catch {
            throw APIError(error, context.type, name: key(of: object).name)
        }
    }

    /// The object as it stands in the store afterwards; as it was last, if its last finalizer has gone.
    private func persist(_ object: JSONValue, over live: Live?) async throws(StoreError) -> JSONValue {
        let (store, resource, key) = (core.store, context.resource, key(of: object))
        guard let live else {
            let stored = try await store.create(resource.storage, key, resource.stored(object))
            return resource.shown(stored.value)
        }
        guard object.isBeingDeleted, object.finalizers.isEmpty,
            !context.definition.strategy.holdsBack(object)
        else {
            let stored = try await store.replace(
                resource.storage, key, resource.stored(object), expected: live.revision)
            return resource.shown(stored.value)
        }
        _ = try await store.delete(
            resource.storage, key, last: resource.stored(live.object), expected: live.revision)
        var last = object
        last[metadata: "resourceVersion"] = live.object[metadata: "resourceVersion"]
        return last
    }

    private func key(of object: JSONValue) -> ObjectKey {
        ObjectKey(namespace: context.key.namespace, name: object.objectName)
    }
}

extension [FieldError] {
    /// The errors without those that schema and strategy both noticed.
    fileprivate func withoutRepetitions() -> [FieldError] {
        var seen: Set<FieldError> = []
        return filter { seen.insert($0).inserted }
    }
}
