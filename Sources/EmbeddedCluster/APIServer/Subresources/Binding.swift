import KubernetesAPI

extension ServerCore {
    private static let bindingTries = 10

    /// `pods/binding`: puts a pod on a node, once.
    func bind(_ context: RequestContext) async throws(APIError) -> APIResponse {
        let binding = try context.decodeSubresource(.binding)
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
            try check(binding, against: pod, context.type, name)
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
}

extension ServerCore {
    /// Refuses to bind another pod than the one that the client means by its UID and version.
    private func check(
        _ binding: JSONValue, against pod: JSONValue, _ type: ResourceType, _ name: String
    ) throws(APIError) {
        for (field, title) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
            guard let wanted = binding[metadata: field]?.stringValue, !wanted.isEmpty,
                wanted != pod[metadata: field]?.stringValue
            else { continue }
            let found = pod[metadata: field]?.stringValue ?? ""
            throw .conflict(
                type, name: name,
                "StorageError: invalid object, Code: 4, Key: /pods/\(pod.objectNamespace)/\(name), "
                    + "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \(title) in precondition: "
                    + "\(wanted), \(title) in object meta: \(found)")
        }
    }
}

extension JSONValue {
    /// Sets a pod's condition by its type.
    mutating func setPodCondition(_ condition: JSONValue) {
        var conditions = self[path: ["status", "conditions"]]?.arrayValue ?? []
        conditions.removeAll { $0["type"] == condition["type"] }
        conditions.append(condition)
        self[path: ["status", "conditions"]] = .array(conditions)
    }
}
