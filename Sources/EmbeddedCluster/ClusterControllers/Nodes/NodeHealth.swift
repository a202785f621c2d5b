import KubernetesAPI
import Scheduling

/// Condition and taints of a node, from its heartbeat or its silence: a pure function.
public struct NodeHealth: Hashable, Sendable {
    /// Seconds without a renewal of its Lease after which a node counts as gone.
    public static let gracePeriod: Int64 = 40
    static let unreachable = "node.kubernetes.io/unreachable"
    static let notReady = "node.kubernetes.io/not-ready"

    /// New `Ready` condition; nil if it does not change.
    public var readyCondition: NodeCondition?
    /// All taints that the node is to have; nil if they do not change.
    public var taints: [Taint]?

    public init(of node: Node, lease: Lease?, now: Timestamp, gracePeriod: Int64 = NodeHealth.gracePeriod) {
        let heartbeat = lease?.spec?.renewTime?.timestamp ?? node.metadata.creationTimestamp ?? now
        let isSilent = now.seconds(since: heartbeat) > gracePeriod
        let ready = node.status?.conditions?.first { $0.type == "Ready" }
        if isSilent, ready?.status != .unknown {
            readyCondition = NodeCondition(
                type: "Ready", status: .unknown, reason: "NodeStatusUnknown",
                message: "Kubelet stopped posting node status.", lastHeartbeatTime: ready?.lastHeartbeatTime,
                lastTransitionTime: now)
        }
        let status = readyCondition?.status ?? ready?.status
        let key = isSilent || status == .unknown ? Self.unreachable : status == .false ? Self.notReady : nil
        let present = node.spec?.taints ?? []
        var wanted = present.filter { taint in
            guard taint.key == Self.unreachable || taint.key == Self.notReady else { return true }
            return taint.key == key
        }
        for effect in ["NoSchedule", "NoExecute"] {
            guard let key, !wanted.contains(where: { $0.key == key && $0.effect == effect }) else { continue }
            var taint = Taint(key: key, effect: effect)
            taint.timeAdded = effect == "NoExecute" ? now : nil
            wanted.append(taint)
        }
        if wanted != present { taints = wanted }
    }
}

/// Deadlines for pods to leave their node because of `NoExecute` taints.
public enum TaintEviction {
    /// The instant at which the pod is deleted; nil if it may stay.
    public static func deadline(of pod: Pod, taints: [Taint], now: Timestamp) -> Timestamp? {
        guard !pod.isFinished, pod.metadata.deletionTimestamp == nil else { return nil }
        var deadline: Timestamp?
        for taint in taints where taint.effect == "NoExecute" {
            let matching = (pod.spec?.tolerations ?? []).filter { $0.tolerates(taint) }
            let since = taint.timeAdded ?? now
            let limit: Timestamp
            if matching.isEmpty {
                limit = now
            } else if let seconds = matching.compactMap(\.tolerationSeconds).min() {
                limit = since.advanced(by: max(0, seconds))
            } else {
                continue
            }
            deadline = min(deadline ?? limit, limit)
        }
        return deadline
    }
}
