import ControllerRuntime
import KubernetesAPI
import KubernetesClient

/// Keeps the Endpoints of each service.
struct EndpointsController: Sendable {
    let client: KubernetesClient
    let services: Store<Service>
    let pods: Store<Pod>
    let endpoints: Store<Endpoints>

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        let present = endpoints.get(key)
        guard let service = services.get(key) else {
            if let present { try await delete(present) }
            return .done
        }
        guard let subsets = ServiceEndpoints.subsets(of: service, pods: pods.list(namespace: key.namespace))
        else {
            return .done
        }
        if let present {
            guard (present.subsets ?? []) != subsets else { return .done }
            let patch: JSONValue = ["subsets": try JSONValue(encoding: subsets)]
            _ = try await client.patch(Endpoints.self, key, .merge(patch))
        } else {
            var labels = service.metadata.labels ?? [:]
            if service.spec?.clusterIP == "None" { labels["service.kubernetes.io/headless"] = "" }
            try await create(
                Endpoints(
                    metadata: ObjectMeta(name: key.name, namespace: key.namespace, labels: labels),
                    subsets: subsets))
        }
        return .done
    }

    private func create(_ object: Endpoints) async throws {
        do {
            try await client.create(object)
        } catch {
            guard error.isAlreadyExists || error.isNotFound || error.isForbidden else { throw error }
        }
    }

    private func delete(_ object: Endpoints) async throws {
        // Endpoints that were not made for a service are left alone, as are those of the API server itself.
        guard object.namespace != "default" || object.name != "kubernetes" else { return }
        do {
            try await client.delete(
                Endpoints.self, object.key, options: DeleteOptions(uid: object.metadata.uid))
        } catch {
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }
}
