import KubernetesAPI
import Scheduling

/// Objects of a namespace, as its quotas count them.
public struct NamespaceUsage: Sendable {
    private let objects: [QuotaUsage]
    /// Amounts of the objects that count as one each.
    private let counts: ResourceAmounts

    /// - Parameter objectCounts: number of objects of each type. Pods, claims and services in it are left
    ///   out: their amounts come from the objects themselves.
    public init(
        pods: [Pod] = [], claims: [PersistentVolumeClaim] = [], services: [Service] = [],
        objectCounts: [ResourceType: Int] = [:]
    ) {
        objects =
            pods.map { QuotaUsage($0) } + claims.map { QuotaUsage($0) } + services.map { QuotaUsage($0) }
        let looked = [Pod.resourceType, PersistentVolumeClaim.resourceType, Service.resourceType]
            .map(\.qualifiedName)
        counts = objectCounts.reduce(into: ResourceAmounts()) { counts, entry in
            guard !looked.contains(entry.key.qualifiedName) else { return }
            counts.add(QuotaUsage.amounts(ofObjects: entry.value, entry.key))
        }
    }

    /// The used amount of each resource that the quota limits.
    public func used(under quota: ResourceQuotaSpec) -> [String: Quantity] {
        var total: ResourceAmounts = [:]
        for object in objects where object.fallsUnder(quota) { total.add(object.amounts) }
        let hasScopes = quota.scopes?.isEmpty == false || quota.scopeSelector != nil
        if !hasScopes { total.add(counts) }
        return (quota.hard ?? [:]).reduce(into: [:]) { used, entry in
            used[entry.key] = (total[entry.key] ?? .zero).quantity
        }
    }
}
