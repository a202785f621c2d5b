import ControllerRuntime
import KubernetesAPI
import KubernetesClient

/// Keeps `status.used` of quotas up to date.
struct QuotaController: Sendable {
    let client: KubernetesClient
    let index: MetadataIndex
    let quotas: Store<ResourceQuota>
    let pods: Store<Pod>
    let claims: Store<PersistentVolumeClaim>
    let services: Store<Service>

    func reconcile(namespace: String) async throws -> Reconciliation {
        let quotas = quotas.list(namespace: namespace)
        guard !quotas.isEmpty else { return .done }
        guard index.hasSynced else { return Reconciliation(requeueAfter: .milliseconds(300)) }
        let usage = NamespaceUsage(
            pods: pods.list(namespace: namespace), claims: claims.list(namespace: namespace),
            services: services.list(namespace: namespace), objectCounts: index.counts(namespace: namespace))
        for quota in quotas {
            let spec = quota.spec ?? ResourceQuotaSpec()
            let wanted = ResourceQuotaStatus(hard: spec.hard ?? [:], used: usage.used(under: spec))
            guard wanted != quota.status else { continue }
            try await write(wanted, to: quota)
        }
        return .done
    }

    private func write(_ status: ResourceQuotaStatus, to quota: ResourceQuota) async throws {
        var value = try JSONValue(encoding: status)
        for part in ["hard", "used"] {
            for name in (part == "hard" ? quota.status?.hard : quota.status?.used)?.keys.map({ $0 }) ?? []
            where value[part]?[name] == nil { value[path: [part, name]] = .null }
        }
        let metadata: JSONValue = ["resourceVersion": .string(quota.metadata.resourceVersion ?? "")]
        _ = try await client.patch(
            ResourceQuota.self, quota.key, .merge(["metadata": metadata, "status": value]),
            subresource: "status")
    }
}
