import KubernetesAPI

/// Conditions that a pod sets on its node, apart from what must be free there.
public struct NodeDemands: Hashable, Sendable {
    /// Labels that the node must have.
    public var nodeSelector: [String: String]
    /// Required node affinity; nil sets no condition.
    public var affinity: NodeSelector?
    public var tolerations: [Toleration]

    public init(
        nodeSelector: [String: String] = [:], affinity: NodeSelector? = nil, tolerations: [Toleration] = []
    ) {
        self.nodeSelector = nodeSelector
        self.affinity = affinity
        self.tolerations = tolerations
    }

    public init(_ spec: PodSpec) {
        self.init(
            nodeSelector: spec.nodeSelector ?? [:],
            affinity: spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
            tolerations: spec.tolerations ?? [])
    }

    /// Reason why a node is closed to the pod, however much is free on it.
    public enum Exclusion: Hashable, Sendable {
        /// Cordoned: `spec.unschedulable`.
        case unschedulable
        /// A taint `NoSchedule` or `NoExecute` that no toleration answers.
        case taint(Taint)
        /// A label of `nodeSelector` that the node lacks or has with another value.
        case label(key: String, value: String)
        /// None of the terms of the required affinity holds.
        case affinity
    }

    /// The first reason that keeps the pod from the node, in kube-scheduler's order of filters; nil if the
    /// node may take it.
    public func exclusion(from node: Node) -> Exclusion? {
        exclusion(
            fromNode: node.name, labels: node.metadata.labels ?? [:], taints: node.spec?.taints ?? [],
            isCordoned: node.spec?.unschedulable == true)
    }

    public func exclusion(
        fromNode name: String, labels: [String: String], taints: [Taint], isCordoned: Bool
    ) -> Exclusion? {
        if isCordoned, !tolerates(Self.cordon) { return .unschedulable }
        for taint in taints where taint.isHard && !tolerates(taint) { return .taint(taint) }
        if !nodeSelector.isEmpty {
            let lacking = nodeSelector.filter { labels[$0.key] != $0.value }.min { $0.key < $1.key }
            if let lacking { return .label(key: lacking.key, value: lacking.value) }
        }
        if let affinity, !affinity.matches(labels: labels, name: name) { return .affinity }
        return nil
    }

    /// Whether the pod stands a taint.
    public func tolerates(_ taint: Taint) -> Bool { tolerations.contains { $0.tolerates(taint) } }

    /// Taint that a pod must tolerate to be bound to a cordoned node.
    private static let cordon = Taint(key: "node.kubernetes.io/unschedulable", effect: "NoSchedule")
}

extension Taint {
    /// Whether it keeps pods away, where `PreferNoSchedule` only asks them to go elsewhere.
    public var isHard: Bool { effect == "NoSchedule" || effect == "NoExecute" }
}
