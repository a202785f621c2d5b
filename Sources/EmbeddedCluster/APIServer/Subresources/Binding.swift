import KubernetesAPI

extension ServerCore {
    private static let bindingTries = 10

    /// `pods/binding`: puts a pod on a node, once.
    func bind(_ context: RequestContext) async throws(APIError) -> APIResponse {
        let binding = try context.parseBody()
        let node = binding[path: ["target", "name"]]?.stringValue ?? ""
        guard !node.isEmpty else {
            throw .invalid(
                ResourceType(version: "v1", kind: "Binding", plural: "pods/binding"),
                name: context.key.name, [.required("target.name")])
        }
        let name = context.key.name
        var shown = context.type
        shown.plural = "pods/binding"
        for attempt in 1... {
            guard let current = store.get(context.resource.storage, context.key) else {
                throw .notFound(context.type, name: name)
            }
            var pod = current.value
            if pod.isBeingDeleted {
                throw .conflict(
                    shown, name: name, "pod \(name) is being deleted, cannot be assigned to a host")
            }
            if let host = pod[path: ["spec", "nodeName"]]?.stringValue, !host.isEmpty {
                throw .conflict(shown, name: name, "pod \(name) is already assigned to node \"\(host)\"")
            }
            pod[path: ["spec", "nodeName"]] = .string(node)
            for (key, value) in binding[path: ["metadata", "annotations"]]?.objectValue ?? [:] {
                pod[path: ["metadata", "annotations", key]] = value
            }
            pod.setPodCondition([
                "type": "PodScheduled", "status": "True", "lastProbeTime": .null,
                "lastTransitionTime": .string(context.now.description),
            ])
            if context.isDryRun { break }
            do {
                _ = try await store.replace(
                    context.resource.storage, context.key, pod, expected: current.revision)
                break
            } catch {
                guard error == .conflict, attempt < Self.bindingTries else {
                    throw APIError(error, shown, name: name)
                }
            }
        }
        return .json(201, Status(status: "Success", code: 201).body)
    }

    /// `pods/eviction`: a deletion that says why. There are no disruption budgets here.
    func evict(_ context: RequestContext) async throws(APIError) -> APIResponse {
        let eviction = try context.parseBody()
        var deletion = context
        deletion.path.subresource = ""
        deletion.request.body = (eviction["deleteOptions"] ?? .object([:])).serialized()
        let options = try DeleteOptions(deletion)
        guard let current = store.get(context.resource.storage, context.key) else {
            throw .notFound(context.type, name: context.key.name)
        }
        if !context.isDryRun, current.value[path: ["spec", "nodeName"]] != nil {
            var pod = current.value
            pod.setPodCondition([
                "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting", "lastProbeTime": .null,
                "lastTransitionTime": .string(context.now.description),
            ])
            do {
                _ = try await store.replace(
                    context.resource.storage, context.key, pod, expected: current.revision)
            } catch {
                throw APIError(error, context.type, name: context.key.name)
            }
        }
        _ = try await delete(deletion, options)
        return .json(201, Status(status: "Success", code: 201).body)
    }
}

extension JSONValue {
    /// Sets a pod's condition by its type.
    fileprivate mutating func setPodCondition(_ condition: JSONValue) {
        var conditions = self[path: ["status", "conditions"]]?.arrayValue ?? []
        conditions.removeAll { $0["type"] == condition["type"] }
        conditions.append(condition)
        self[path: ["status", "conditions"]] = .array(conditions)
    }
}
