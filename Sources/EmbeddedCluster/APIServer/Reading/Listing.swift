import KubernetesAPI

/// A page of a list.
struct ListPage: Sendable {
    var revision: Int64
    var objects: [JSONValue]
    var continueToken: String?
    var remaining: Int64?

    var metadata: JSONValue {
        var metadata: JSONValue = ["resourceVersion": .string(String(revision))]
        metadata["continue"] = continueToken.map(JSONValue.string)
        metadata["remainingItemCount"] = remaining.map(JSONValue.integer)
        return metadata
    }
}

extension ServerCore {
    func get(_ context: RequestContext) throws(APIError) -> JSONValue {
        guard let object = store.get(context.resource.storage, context.key) else {
            throw .notFound(context.type, name: context.key.name)
        }
        return context.resource.shown(object.value)
    }

    func list(_ context: RequestContext) async throws(APIError) -> ListPage {
        let query = context.request.query
        let filter = try ObjectFilter(
            query, namespace: context.key.namespace, definition: context.definition)
        let limit = try query.integer("limit").flatMap { $0 > 0 ? $0 : nil }
        _ = try query.integer("timeoutSeconds")
        let (revision, objects, start) = try await snapshot(context, filter)
        let rest = objects.drop { object in start.map { !($0.last < object.key) } ?? false }
        var selected: [JSONValue] = []
        for (index, object) in rest.enumerated() {
            let shown = context.resource.shown(object.value)
            guard filter.matches(object.key, shown) else { continue }
            selected.append(shown)
            guard let limit, selected.count >= limit else { continue }
            let remaining = rest.count - index - 1
            guard remaining > 0 else { break }
            return ListPage(
                revision: revision, objects: selected,
                continueToken: ContinueToken(revision: revision, last: object.key).encoded(
                    namespace: filter.namespace),
                remaining: filter.selectsAll ? Int64(remaining) : nil)
        }
        return ListPage(revision: revision, objects: selected)
    }

    /// All objects at the revision that the request asks for.
    private func snapshot(
        _ context: RequestContext, _ filter: ObjectFilter
    ) async throws(APIError) -> (Int64, [StoredObject], ContinueToken?) {
        let query = context.request.query
        if let text = query["continue"] {
            guard query["resourceVersion"] == nil || query["resourceVersion"] == "0" else {
                throw .badRequest("specifying resource version is not allowed when using continue")
            }
            let token = try ContinueToken(text, namespace: filter.namespace)
            let objects = try await objects(
                context, filter, at: token.revision,
                expired: "The provided continue parameter is too old to display a consistent list result. "
                    + "You must start a new list without the continue parameter.")
            return (token.revision, objects, token)
        }
        let match = query["resourceVersionMatch"]
        guard !query.has("sendInitialEvents") else {
            throw Self.invalidListOptions([
                .forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
            ])
        }
        try checkMatch(match, query)
        let version = try listedVersion(query)
        if match == "Exact", version > 0 {
            let objects = try await objects(
                context, filter, at: version,
                expired: "The resourceVersion for the provided list is too old.")
            return (version, objects, nil)
        }
        let (revision, objects) = store.list(context.resource.storage, namespace: filter.namespace)
        guard version <= revision else { throw .tooLargeResourceVersion(version, current: revision) }
        return (revision, objects, nil)
    }

    private func checkMatch(_ match: String?, _ query: QueryParameters) throws(APIError) {
        guard let match, !match.isEmpty else { return }
        let field = "resourceVersionMatch"
        var errors: [FieldError] = []
        if query["resourceVersion"] == nil {
            errors.append(.forbidden(field, "\(field) is forbidden unless resourceVersion is provided"))
        }
        if !["Exact", "NotOlderThan"].contains(match) {
            errors.append(.notSupported(field, .string(match), supported: ["Exact", "NotOlderThan", ""]))
        }
        if match == "Exact", query["resourceVersion"] == "0" {
            errors.append(
                .forbidden(field, "\(field) \"exact\" is forbidden for resourceVersion \"0\""))
        }
        guard errors.isEmpty else { throw Self.invalidListOptions(errors) }
    }

    /// A list says of a version that is none what a watch calls an internal error.
    private func listedVersion(_ query: QueryParameters) throws(APIError) -> Int64 {
        do throws(APIError) {
            return try resourceVersion(query)
        } catch {
            throw .badRequest("invalid resource version: \(error.status.message ?? "")")
        }
    }

    private func objects(
        _ context: RequestContext, _ filter: ObjectFilter, at revision: Int64, expired: String
    ) async throws(APIError) -> [StoredObject] {
        do {
            return try await store.list(
                context.resource.storage, namespace: filter.namespace, at: revision)
        } catch .compacted {
            throw .expired(expired)
        } catch {
            throw APIError(error, context.type, name: "")
        }
    }

    /// The version in the query; 0 if there is none.
    func resourceVersion(_ query: QueryParameters) throws(APIError) -> Int64 {
        guard let text = query["resourceVersion"] else { return 0 }
        guard let version = Int64(text), version >= 0 else {
            throw APIError(
                Status(
                    message: "resourceVersion: Invalid value: \(JSONValue.string(text).text): "
                        + "strconv.ParseUint: parsing \(JSONValue.string(text).text): invalid syntax",
                    code: 500))
        }
        return version
    }

    static func invalidListOptions(_ errors: [FieldError]) -> APIError {
        .invalid(
            ResourceType(group: "meta.k8s.io", version: "v1", kind: "ListOptions", plural: ""), name: "",
            errors)
    }
}
