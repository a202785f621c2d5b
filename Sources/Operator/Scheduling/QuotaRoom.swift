import KubernetesAPI

/// Room that the ResourceQuotas of namespaces still leave for pods of runs.
struct QuotaRoom: Sendable {
    private struct Limit: Sendable {
        var name: String
        var spec: ResourceQuotaSpec
        var hard: [String: Int128]
        var left: [String: Int128]
    }

    private var limits: [String: [Limit]] = [:]

    init(_ quotas: [ResourceQuota]) {
        for quota in quotas.sorted(by: { $0.key < $1.key }) {
            let hard = (quota.status?.hard ?? quota.spec?.hard ?? [:]).mapValues(\.milliunits)
            let used = (quota.status?.used ?? [:]).mapValues(\.milliunits)
            let left = hard.reduce(into: [String: Int128]()) { left, entry in
                let (rest, overflow) = entry.value.subtractingReportingOverflow(used[entry.key] ?? 0)
                left[entry.key] = overflow ? 0 : rest
            }
            limits[quota.namespace, default: []].append(
                Limit(name: quota.name, spec: quota.spec ?? ResourceQuotaSpec(), hard: hard, left: left))
        }
    }

    /// Number of the workload's pods that the quotas of its namespace let in, `limit` at most.
    func pods(for workload: Workload, atMost limit: Int) -> Int {
        var most = limit
        for quota in limits[workload.namespace] ?? [] {
            for (name, amount) in usage(of: workload, under: quota) {
                guard let left = quota.left[name] else { continue }
                most = min(most, Int(clamping: max(0, left) / amount))
            }
        }
        return max(0, most)
    }

    mutating func take(_ count: Int, of workload: Workload) {
        guard count > 0, var own = limits[workload.namespace] else { return }
        for index in own.indices {
            for (name, amount) in usage(of: workload, under: own[index]) {
                guard let left = own[index].left[name] else { continue }
                let (taken, first) = amount.multipliedReportingOverflow(by: Int128(count))
                let (rest, second) = left.subtractingReportingOverflow(taken)
                own[index].left[name] = first || second ? 0 : rest
            }
        }
        limits[workload.namespace] = own
    }

    /// Limit that is in the way, in words that name no amounts in use.
    func explanation(of workload: Workload) -> String {
        let count = max(1, workload.gang.minimum)
        for quota in limits[workload.namespace] ?? [] {
            for (name, amount) in usage(of: workload, under: quota).sorted(by: { $0.key < $1.key }) {
                guard let hard = quota.hard[name], let left = quota.left[name] else { continue }
                let (needed, overflow) = amount.multipliedReportingOverflow(by: Int128(count))
                guard overflow || needed > left else { continue }
                let whole = "ResourceQuota \(quota.name) allows \(Self.text(hard)) \(name)"
                return overflow || needed > hard
                    ? "\(whole), and the run needs \(Self.text(needed)) at once"
                    : "\(whole), of which others use too much for the \(Self.text(needed)) that the run needs"
            }
        }
        return "a ResourceQuota of the namespace leaves no room"
    }

    /// Thousandths that one pod counts under each name that the quota limits; empty where the quota is not
    /// about such pods.
    private func usage(of workload: Workload, under quota: Limit) -> [String: Int128] {
        let usage = QuotaUsage(
            Pod.resourceType,
            .pod(
                QuotaPod(
                    resources: workload.gang.resources, isFinished: false,
                    priorityClassName: workload.priorityClassName)))
        guard usage.fallsUnder(quota.spec) else { return [:] }
        return usage.amounts.mapValues(\.milliunits).filter { $0.value > 0 && quota.hard[$0.key] != nil }
    }

    private static func text(_ milliunits: Int128) -> String {
        milliunits % 1000 == 0 ? "\(milliunits / 1000)" : "\(milliunits)m"
    }
}
