import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Creates the objects that every namespace has, and empties namespaces that are being deleted.
struct NamespaceController: Sendable {
    let client: KubernetesClient
    let index: MetadataIndex
    /// Authority in PEM; nil leaves `kube-root-ca.crt` to another controller.
    let certificateAuthority: String?

    func reconcile(_ name: String) async throws -> Reconciliation {
        guard let namespace = try await client.find(Namespace.self, ObjectKey(name: name)) else {
            return .done
        }
        guard namespace.metadata.deletionTimestamp != nil else {
            try await furnish(name)
            return .done
        }
        guard namespace.spec?.finalizers?.contains("kubernetes") == true else { return .done }
        guard try await empty(name) else { return Reconciliation(requeueAfter: .milliseconds(500)) }
        try await finalize(namespace)
        return .done
    }

    private func furnish(_ name: String) async throws {
        try await ensure(ServiceAccount(metadata: ObjectMeta(name: "default", namespace: name)))
        guard let certificateAuthority else { return }
        let wanted = ConfigMap(
            metadata: ObjectMeta(
                name: "kube-root-ca.crt", namespace: name,
                annotations: [
                    "kubernetes.io/description":
                        "Contains a CA bundle that can be used to verify the kube-apiserver when using "
                        + "internal endpoints."
                ]),
            data: ["ca.crt": certificateAuthority])
        try await ensure(wanted)
        let present = try await client.get(ConfigMap.self, wanted.key)
        guard present.data?["ca.crt"] != certificateAuthority else { return }
        _ = try await client.patch(
            ConfigMap.self, wanted.key, .merge(["data": ["ca.crt": .string(certificateAuthority)]]))
    }

    private func ensure<R: KubernetesResource>(_ object: R) async throws {
        guard try await client.find(R.self, object.key) == nil else { return }
        do {
            try await client.create(object)
        } catch {
            guard error.isAlreadyExists || error.isForbidden else { throw error }
        }
    }

    /// Deletes all objects in the namespace; true if none is left.
    private func empty(_ name: String) async throws -> Bool {
        var isEmpty = true
        for discovered in try await KindDiscovery(client: client).types() where discovered.type.isNamespaced {
            guard discovered.verbs.isSuperset(of: ["list", "delete"]) else { continue }
            let response = try await client.send(discovered.type.list(namespace: name))
            let objects = try JSONDecoder().decode(ResourceList<PartialObject>.self, from: response.body)
                .items
            if !objects.isEmpty { isEmpty = false }
            for object in objects where object.metadata.deletionTimestamp == nil {
                try await delete(discovered.type, namespace: name, object.metadata)
            }
        }
        return isEmpty
    }

    private func delete(_ type: ResourceType, namespace: String, _ metadata: ObjectMeta) async throws {
        let options = DeleteOptions(uid: metadata.uid, propagationPolicy: "Background")
        do {
            _ = try await client.send(
                try type.delete(namespace: namespace, name: metadata.name ?? "", options: options))
        } catch let error as KubernetesError where error.isNotFound || error.isConflict {
            return
        }
    }

    private func finalize(_ namespace: Namespace) async throws {
        let kept = (namespace.spec?.finalizers ?? []).filter { $0 != "kubernetes" }
        let body: JSONValue = [
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": [
                "name": .string(namespace.name), "uid": .string(namespace.metadata.uid ?? ""),
                "resourceVersion": .string(namespace.metadata.resourceVersion ?? ""),
            ],
            "spec": ["finalizers": try JSONValue(encoding: kept)],
        ]
        do {
            _ = try await client.send(
                Namespace.resourceType.update(
                    namespace: nil, name: namespace.name, body: body.serialized(), fieldManager: nil,
                    subresource: "finalize"))
        } catch {
            guard error.isNotFound else { throw error }
        }
    }
}
