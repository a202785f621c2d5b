import KubernetesAPI

extension ServerCore {
    private static let evictionTries = 20

    /// `pods/eviction`: a deletion that says why. There are no disruption budgets here.
    func evict(_ context: RequestContext) async throws(APIError) -> APIResponse {
        let eviction = try context.decodeSubresource(.eviction)
        var options = try deleteOptions(of: eviction, context)
        var deletion = context
        deletion.path.subresource = ""
        for attempt in 1... {
            guard let current = store.get(context.resource.storage, context.key) else {
                throw .notFound(context.type, name: context.key.name)
            }
            try options.validate()
            try check(options, current.value, deletion)
            guard !options.isDryRun, current.value[path: ["spec", "nodeName"]] != nil else { break }
            do throws(StoreError) {
                let marked = try await store.replace(
                    context.resource.storage, context.key, marked(current.value), expected: current.revision)
                // The version that the client saw is one behind now.
                if options.resourceVersion != nil {
                    options.resourceVersion = marked.value[metadata: "resourceVersion"]?.stringValue
                }
                break
            } catch {
                guard error == .conflict, attempt < Self.evictionTries else {
                    throw APIError(error, context.type, name: context.key.name)
                }
            }
        }
        _ = try await delete(deletion, options)
        return .json(201, Status(status: "Success", code: 201).body)
    }

    /// The options in the body, with the dry run of the query, which they must not contradict.
    private func deleteOptions(
        of eviction: JSONValue, _ context: RequestContext
    ) throws(APIError) -> DeleteOptions {
        var options: DeleteOptions
        do {
            options = try DeleteOptions(ofEviction: GoStruct("Eviction", eviction))
        } catch {
            throw .badRequest(error.message)
        }
        let asked = context.request.query.all("dryRun")
        if options.dryRun.isEmpty { options.dryRun = asked }
        guard asked.isEmpty || asked == options.dryRun else {
            throw APIError(
                Status(
                    message: "Non-matching dry-run options in request and content: "
                        + "[\(asked.joined(separator: " "))] and [\(options.dryRun.joined(separator: " "))]",
                    code: 500))
        }
        return options
    }

    private func marked(_ pod: JSONValue) -> JSONValue {
        var pod = pod
        pod.setPodCondition([
            "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting", "lastProbeTime": .null,
            "lastTransitionTime": .string(now.description),
        ])
        return pod
    }
}
