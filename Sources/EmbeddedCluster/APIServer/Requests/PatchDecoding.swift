import KubernetesAPI
import ObjectPatching

extension Write.Operation {
    private static let applyMediaTypes: Set<String> = [
        "application/apply-patch+yaml", "application/apply-patch+json",
    ]

    /// The operation that a PATCH asks for by its media type.
    ///
    /// - Throws: 415 for a media type that the kind does not take.
    init(patch context: RequestContext) throws(APIError) {
        let type = context.request.contentType ?? ""
        if Self.applyMediaTypes.contains(type) {
            self = .apply
            return
        }
        guard let format = PatchFormat(rawValue: type) else {
            throw APIError(
                code: 415, reason: "UnsupportedMediaType", message: "415: Unsupported Media Type",
                details: StatusDetails())
        }
        guard format != .strategic || context.definition.allowsStrategicMerge else {
            throw APIError(
                code: 415, reason: "UnsupportedMediaType",
                message: "the body of the request was in an unknown format - accepted media types include: "
                    + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
            )
        }
        self = .patch(format)
    }
}

extension RequestContext {
    /// The patch in the body, whatever its format.
    func decodePatch() throws(APIError) -> JSONValue {
        do {
            return try JSONValue(parsing: request.body)
        } catch {
            throw .badRequest("error decoding patch: \(error)")
        }
    }

    /// The object that a patch makes of `old`; it must still be one of this kind.
    func patched(
        _ old: JSONValue, by patch: JSONValue, _ format: PatchFormat
    ) throws(APIError) -> JSONValue {
        let patched: JSONValue
        do throws(PatchError) {
            patched = try ObjectPatcher.applyPatch(format, patch, to: old, schema: resource.mergeType)
        } catch {
            throw APIError(error.status)
        }
        do throws(APIError) {
            return try accept(patched)
        } catch {
            guard fieldValidation == .strict, error.code == 400 else { throw error }
            // The error names the patch, and no object.
            let problems = error.description.split(separator: "strict decoding error: ").last ?? ""
            throw .invalid(
                ResourceType(version: "", kind: "", plural: ""), name: "",
                [.invalid("patch", .string(patched.text), "strict decoding error: \(problems)")])
        }
    }

    /// The configuration in the body of a server-side apply, with the name and namespace of the URL.
    func decodeConfiguration() throws(APIError) -> JSONValue {
        var configuration = try parseYAML()
        guard configuration.objectValue != nil else {
            throw .badRequest(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                    + "\(configuration.typeName) into Go value of type map[string]interface {}")
        }
        let name = configuration.objectName
        guard name.isEmpty || name == key.name else {
            throw .badRequest(
                "the name of the object (\(name)) does not match the name on the URL (\(key.name))")
        }
        let namespace = configuration.objectNamespace
        guard namespace.isEmpty || namespace == key.namespace else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request")
        }
        if configuration["kind"]?.stringValue != type.kind {
            let given = (configuration["apiVersion"]?.stringValue, configuration["kind"]?.stringValue)
            throw .badRequest("invalid object type: \(given.0 ?? ""), Kind=\(given.1 ?? "")")
        }
        try checkAppliedFields(configuration)
        configuration[metadata: "name"] = .string(key.name)
        if !key.namespace.isEmpty { configuration[metadata: "namespace"] = .string(key.namespace) }
        return configuration
    }

    /// Refuses fields that the schema does not have. A managed field is refused by the apply itself.
    private func checkAppliedFields(_ configuration: JSONValue) throws(APIError) {
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
