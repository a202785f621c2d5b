import KubernetesAPI
import Scheduling

/// Decision about one pod.
public enum Placement: Hashable, Sendable {
    case bind(node: String)
    /// The message of the condition `PodScheduled=False`, reason `Unschedulable`.
    case unschedulable(message: String)
}

/// One round of scheduling as a pure function: the waiting pods, by priority and age, onto the nodes.
///
/// There is no preemption: a pod of high priority waits for room as the others do, only first in line.
public struct SchedulingRound: Sendable {
    private var nodes: [NodeCapacity]
    private let claims: [ObjectKey: PersistentVolumeClaim]

    /// - Parameter claims: the existing claims, to see which are bound.
    public init(nodes: [Node], pods: [Pod], claims: [PersistentVolumeClaim]) {
        let byNode = Dictionary(grouping: pods) { $0.spec?.nodeName ?? "" }
        self.nodes = nodes.sorted { $0.name < $1.name }
            .map { NodeCapacity(node: $0, pods: byNode[$0.name] ?? []) }
        self.claims = Dictionary(claims.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether a pod waits for this scheduler.
    public static func isWaiting(_ pod: Pod, schedulerName: String) -> Bool {
        (pod.spec?.nodeName ?? "").isEmpty && pod.metadata.deletionTimestamp == nil && !pod.isFinished
            && (pod.spec?.schedulingGates ?? []).isEmpty
            && (pod.spec?.schedulerName ?? "default-scheduler") == schedulerName
    }

    /// The pods by priority, the highest first, then by age, the oldest first, then by name.
    public static func order(_ pods: [Pod]) -> [Pod] {
        pods.sorted { first, second in
            let priorities = (first.spec?.priority ?? 0, second.spec?.priority ?? 0)
            if priorities.0 != priorities.1 { return priorities.0 > priorities.1 }
            let ages = (
                first.metadata.creationTimestamp?.seconds ?? 0,
                second.metadata.creationTimestamp?.seconds ?? 0
            )
            return ages.0 != ages.1 ? ages.0 < ages.1 : first.key < second.key
        }
    }

    /// Places a pod and reserves its room for the rest of the round.
    public mutating func place(_ pod: Pod) -> Placement {
        guard !nodes.isEmpty else { return .unschedulable(message: "no nodes available to schedule pods") }
        let prefix = "0/\(nodes.count) nodes are available: "
        if let refusal = volumeRefusal(pod) { return .unschedulable(message: prefix + refusal + ".") }
        var counts: [String: Int] = [:]
        var best: (index: Int, score: Double)?
        for (index, candidate) in nodes.enumerated() {
            let refusals = candidate.refusals(of: pod)
            guard refusals.isEmpty else {
                for refusal in refusals { counts[refusal, default: 0] += 1 }
                continue
            }
            let score = candidate.score(for: pod)
            if score > best?.score ?? -.infinity { best = (index, score) }
        }
        guard let best, nodes.indices.contains(best.index) else {
            let reasons = counts.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", ")
            return .unschedulable(message: prefix + reasons + ".")
        }
        nodes[best.index].hold((pod.spec ?? PodSpec()).scheduledRequests)
        return .bind(node: nodes[best.index].node.name)
    }

    private func volumeRefusal(_ pod: Pod) -> String? {
        for volume in pod.spec?.volumes ?? [] {
            guard let name = volume.persistentVolumeClaim?.claimName else { continue }
            guard let claim = claims[ObjectKey(namespace: pod.namespace, name: name)] else {
                return "persistentvolumeclaim \"\(name)\" not found"
            }
            if claim.metadata.deletionTimestamp != nil {
                return "persistentvolumeclaim \"\(name)\" is being deleted"
            }
            if claim.status?.phase == "Lost" {
                return "persistentvolumeclaim \"\(name)\" bound to non-existent persistentvolume "
                    + "\"\(claim.spec?.volumeName ?? "")\""
            }
            if claim.status?.phase != "Bound" { return "pod has unbound immediate PersistentVolumeClaims" }
        }
        return nil
    }
}
