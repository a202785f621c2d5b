import AnnealAPI
import KubernetesAPI

/// Status of a kind whose pods keep off nodes on which one did not start.
public protocol NodeAvoidingStatus {
    var avoidedNodes: [AvoidedNode]? { get set }
}

extension TrainingJobStatus: NodeAvoidingStatus {}
extension EvalRunStatus: NodeAvoidingStatus {}

extension RunDraft where RunStatus: NodeAvoidingStatus {
    /// Notes that a pod did not start on its node, which another may do better. The oldest entries make room.
    mutating func avoid(_ trouble: StartTrouble) {
        guard let node = trouble.node, !node.isEmpty, node.utf8.count <= 253 else { return }
        let kept = current.filter { $0.name != node }.suffix(settings.maxAvoidedNodes - 1)
        status.avoidedNodes = kept + [AvoidedNode(name: node, reason: trouble.reason, since: now)]
    }

    /// Names of the nodes that pods which are made now keep off where they can.
    var avoidedNodes: [String] { current.map(\.name) }

    /// Entries that still count: what was wrong with a node may be long repaired.
    private var current: [AvoidedNode] {
        (status.avoidedNodes ?? []).filter {
            now.left(of: settings.nodeAvoidanceSeconds, since: $0.since) > 0
        }
    }
}

extension PodPlacement {
    /// Has the pod prefer nodes other than those. They are no condition: where there is no other node, one of them
    /// may have recovered.
    static func avoid(_ nodes: [String], in spec: inout PodSpec) {
        guard !nodes.isEmpty else { return }
        let others = NodeSelectorTerm(
            matchExpressions: nil,
            matchFields: nodes.map {
                SelectorRequirement(key: "metadata.name", operator: "NotIn", values: [$0])
            })
        var affinity = spec.affinity ?? Affinity()
        var nodeAffinity = affinity.nodeAffinity ?? NodeAffinity(required: nil)
        nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution =
            (nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution ?? [])
            + [PreferredSchedulingTerm(weight: 100, preference: others)]
        affinity.nodeAffinity = nodeAffinity
        spec.affinity = affinity
    }
}
