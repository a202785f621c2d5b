import KubernetesAPI
import ObjectPatching

extension ServerCore {
    private static let applyMediaType = "application/apply-patch+yaml"
    private static let applyJSONMediaType = "application/apply-patch+json"

    /// The answer's object, and whether it was created: an apply does that where there is none.
    func patch(
        _ context: RequestContext, scope: WriteScope
    ) async throws(APIError) -> (object: JSONValue, isNew: Bool) {
        switch context.request.contentType {
        case PatchFormat.json.rawValue: return (try await patch(context, scope, .json), false)
        case PatchFormat.merge.rawValue: return (try await patch(context, scope, .merge), false)
        case PatchFormat.strategic.rawValue where context.definition.allowsStrategicMerge:
            return (try await patch(context, scope, .strategic), false)
        case PatchFormat.strategic.rawValue:
            throw APIError(
                code: 415, reason: "UnsupportedMediaType",
                message: "the body of the request was in an unknown format - accepted media types include: "
                    + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
            )
        case Self.applyMediaType, Self.applyJSONMediaType:
            return try await apply(context, scope)
        default:
            throw APIError(
                code: 415, reason: "UnsupportedMediaType", message: "415: Unsupported Media Type",
                details: StatusDetails())
        }
    }

    private func patch(
        _ context: RequestContext, _ scope: WriteScope, _ format: PatchFormat
    ) async throws(APIError) -> JSONValue {
        let patch: JSONValue
        do {
            patch = try JSONValue(parsing: context.request.body)
        } catch {
            throw .badRequest("error decoding patch: \(error)")
        }
        return try await update(context, scope: scope, optionsKind: "PatchOptions") {
            old throws(APIError) in
            let patched: JSONValue
            do throws(PatchError) {
                patched = try ObjectPatcher.applyPatch(
                    format, patch, to: old, schema: context.resource.mergeType)
            } catch {
                throw APIError(error.status)
            }
            return try context.acceptPatched(patched)
        }
    }

    // MARK: Server-side apply

    private func apply(
        _ context: RequestContext, _ scope: WriteScope
    ) async throws(APIError) -> (object: JSONValue, isNew: Bool) {
        guard context.request.query["fieldManager"] != nil else {
            let options = ResourceType(group: "meta.k8s.io", version: "v1", kind: "PatchOptions", plural: "")
            throw .invalid(
                options, name: "", [.required("fieldManager", "is required for apply patch")])
        }
        let configuration = try appliedConfiguration(context)
        let ownership = FieldOwnership(context, scope: scope)
        let force = context.request.query.flag("force")
        if store.get(context.resource.storage, context.key) == nil {
            guard case .object = scope else { throw .notFound(context.type, name: context.key.name) }
            if let version = configuration[metadata: "resourceVersion"], !version.isEmptyText {
                throw .conflict(
                    context.type, name: context.key.name,
                    "resourceVersion was set, but the object does not exist")
            }
            let uid = configuration.uid
            guard uid.isEmpty else {
                throw .conflict(
                    context.type, name: context.key.name,
                    "uid mismatch: the provided object specified uid \(uid), and no existing object was found"
                )
            }
            let applied = try ownership.applied(configuration, live: nil, force: force)
            let object = try context.accept(applied)
            do throws(APIError) {
                return (
                    try await create(object, context, optionsKind: "PatchOptions", manages: false), true
                )
            } catch {
                // Somebody was faster: apply to what they made.
                guard error.status.reason == "AlreadyExists" else { throw error }
            }
        }
        let object = try await update(
            context, scope: scope, optionsKind: "PatchOptions", manages: false
        ) { old throws(APIError) in
            try checkVersion(of: configuration, against: old, context)
            let applied = try ownership.applied(configuration, live: old, force: force)
            return try context.accept(applied)
        }
        return (object, false)
    }

    private func appliedConfiguration(_ context: RequestContext) throws(APIError) -> JSONValue {
        var configuration = try context.parseYAML()
        guard configuration.objectValue != nil else {
            throw .badRequest(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                    + "\(configuration.typeName) into Go value of type map[string]interface {}")
        }
        let name = configuration.objectName
        guard name.isEmpty || name == context.key.name else {
            throw .badRequest(
                "the name of the object (\(name)) does not match the name on the URL (\(context.key.name))")
        }
        let namespace = configuration.objectNamespace
        guard namespace.isEmpty || namespace == context.key.namespace else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request")
        }
        if configuration["kind"]?.stringValue != context.type.kind {
            let given = (configuration["apiVersion"]?.stringValue, configuration["kind"]?.stringValue)
            throw .badRequest("invalid object type: \(given.0 ?? ""), Kind=\(given.1 ?? "")")
        }
        try context.checkAppliedFields(&configuration)
        configuration[metadata: "name"] = .string(context.key.name)
        if !context.key.namespace.isEmpty {
            configuration[metadata: "namespace"] = .string(context.key.namespace)
        }
        return configuration
    }

    /// A configuration may pin the version that it applies to.
    private func checkVersion(
        of configuration: JSONValue, against old: JSONValue, _ context: RequestContext
    ) throws(APIError) {
        guard let version = configuration[metadata: "resourceVersion"], !version.isEmptyText,
            version != old[metadata: "resourceVersion"]
        else { return }
        throw APIError(.conflict, context.type, name: context.key.name)
    }
}

extension RequestContext {
    /// A patched object must still be one of this kind.
    func acceptPatched(_ patched: JSONValue) throws(APIError) -> JSONValue {
        do throws(APIError) {
            return try accept(patched)
        } catch {
            guard fieldValidation == .strict, error.code == 400 else { throw error }
            // Of a patch it is the patch that is wrong, not an object.
            let problems = error.description.split(separator: "strict decoding error: ").last ?? ""
            throw .invalid(
                ResourceType(version: "", kind: "", plural: ""), name: "",
                [.invalid("patch", .string(patched.text), "strict decoding error: \(problems)")])
        }
    }

    func checkAppliedFields(_ configuration: inout JSONValue) throws(APIError) {
        // A managed field in the body is refused by the apply itself; here it would count as unknown.
        let unknown = definition.schema.unknownFields(in: configuration)
        guard !unknown.isEmpty else { return }
        throw APIError(
            Status(
                message:
                    "failed to create typed patch object (\(key); \(type.apiVersion), Kind=\(type.kind)): "
                    + unknown.map { ".\($0): field not declared in schema" }.joined(separator: "\n"),
                code: 500))
    }
}
