import KubernetesAPI

/// A node as the scheduler sees it: what it offers and what its pods hold. In thousandths.
public struct NodeCapacity: Sendable {
    public let node: Node
    public private(set) var used: [String: Int128] = [:]

    public init(node: Node, pods: [Pod]) {
        self.node = node
        for pod in pods where !pod.isFinished { hold(PodRequests(of: pod.spec ?? PodSpec())) }
    }

    public mutating func hold(_ requests: PodRequests) { used.merge(requests.milliunits) { $0 + $1 } }

    /// Why the node cannot take the pod; empty if it can. As the scheduler's filters say it: the first
    /// filter that refuses gives the reasons.
    public func refusals(of pod: Pod) -> [String] {
        let spec = pod.spec ?? PodSpec()
        let tolerations = spec.tolerations ?? []
        let unschedulable = Taint(key: "node.kubernetes.io/unschedulable", effect: "NoSchedule")
        if node.spec?.unschedulable == true, !tolerations.contains(where: { $0.tolerates(unschedulable) }) {
            return ["node(s) were unschedulable"]
        }
        let hard = (node.spec?.taints ?? []).filter { $0.effect == "NoSchedule" || $0.effect == "NoExecute" }
        if let taint = hard.first(where: { taint in !tolerations.contains { $0.tolerates(taint) } }) {
            return ["node(s) had untolerated taint {\(taint.key): \(taint.value ?? "")}"]
        }
        guard NodeSelection.matches(spec, labels: node.metadata.labels ?? [:], name: node.name) else {
            return ["node(s) didn't match Pod's node affinity/selector"]
        }
        let allocatable = node.status?.allocatable ?? node.status?.capacity ?? [:]
        return PodRequests(of: spec).milliunits.sorted { $0.key < $1.key }.compactMap { name, amount in
            guard amount > 0, (used[name] ?? 0) + amount > (allocatable[name]?.milliunits ?? 0) else {
                return nil
            }
            return name == "pods" ? "Too many pods" : "Insufficient \(name)"
        }
    }

    /// The free share of CPU and memory, 0 to 1: the emptiest node is preferred. A taint
    /// `PreferNoSchedule` that is not tolerated counts as full.
    public func score(for pod: Pod) -> Double {
        let tolerations = pod.spec?.tolerations ?? []
        let avoided = (node.spec?.taints ?? []).contains { taint in
            taint.effect == "PreferNoSchedule" && !tolerations.contains { $0.tolerates(taint) }
        }
        if avoided { return -1 }
        let allocatable = node.status?.allocatable ?? [:]
        let shares = ["cpu", "memory"].map { name -> Double in
            let total = Double(allocatable[name]?.milliunits ?? 0)
            return total > 0 ? max(0, 1 - Double(used[name] ?? 0) / total) : 0
        }
        return shares.reduce(0, +) / 2
    }
}

extension Pod {
    /// Holds nothing any more.
    public var isFinished: Bool { status?.phase == "Succeeded" || status?.phase == "Failed" }
}
