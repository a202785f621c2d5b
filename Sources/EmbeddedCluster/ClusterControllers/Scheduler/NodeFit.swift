import KubernetesAPI
import Scheduling

/// A node in the scheduler's terms: its capacity, and the part that is free.
public struct NodeCapacity: Sendable {
    public let node: Node
    /// Thousandths; negative if pods hold more than the node offers.
    public private(set) var free: [String: Int128]

    public init(node: Node, pods: [Pod]) {
        self.node = node
        free = (node.status?.allocatable ?? node.status?.capacity ?? [:]).mapValues(\.milliunits)
        for pod in pods where !pod.isFinished { hold((pod.spec ?? PodSpec()).scheduledRequests) }
    }

    /// - Parameter requests: in thousandths.
    public mutating func hold(_ requests: [String: Int128]) { free.take(requests) }

    /// Reasons why the node cannot take the pod, in kube-scheduler's words; empty if it can. They come from
    /// the first filter that refuses.
    public func refusals(of pod: Pod) -> [String] {
        let spec = pod.spec ?? PodSpec()
        switch NodeDemands(spec).exclusion(from: node) {
        case .unschedulable: return ["node(s) were unschedulable"]
        case .taint(let taint):
            return ["node(s) had untolerated taint {\(taint.key): \(taint.value ?? "")}"]
        case .label, .affinity: return ["node(s) didn't match Pod's node affinity/selector"]
        case nil:
            return free.lacks(spec.scheduledRequests)
                .map { $0 == "pods" ? "Too many pods" : "Insufficient \($0)" }
        }
    }

    /// The free share of CPU and memory, 0 to 1: the emptiest node is preferred. A `PreferNoSchedule` taint
    /// that is not tolerated counts as full. What the pod itself prefers outweighs that.
    public func score(for pod: Pod) -> Double {
        let demands = NodeDemands(pod.spec ?? PodSpec())
        let avoided = (node.spec?.taints ?? []).contains { !$0.isHard && !demands.tolerates($0) }
        return preference(of: pod) + (avoided ? -1 : freeShare)
    }

    /// Weights of the pod's preferences that the node satisfies, in hundredths of two: as heavy as kube-scheduler
    /// takes them beside one share.
    private func preference(of pod: Pod) -> Double {
        let terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
        return terms.reduce(0) { sum, term in
            let holds = term.preference.matches(labels: node.metadata.labels ?? [:], name: node.name)
            return holds ? sum + Double(min(max(term.weight, 0), 100)) / 50 : sum
        }
    }

    private var freeShare: Double {
        let allocatable = node.status?.allocatable ?? [:]
        let shares = ["cpu", "memory"].map { name -> Double in
            let total = Double(allocatable[name]?.milliunits ?? 0)
            return total > 0 ? max(0, Double(free[name] ?? 0) / total) : 0
        }
        return shares.reduce(0, +) / 2
    }
}
