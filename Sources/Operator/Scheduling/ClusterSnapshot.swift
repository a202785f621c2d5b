import KubernetesAPI

/// What is free on which node, at one moment.
public struct ClusterSnapshot: Sendable {
    struct FreeNode: Sendable {
        var name: String
        var labels: [String: String]
        var taints: [Taint]
        var isReady: Bool
        var isCordoned: Bool
        /// Thousandths; `pods` too.
        var free: [String: Int128]
    }

    private(set) var nodes: [FreeNode]

    /// - Parameters:
    ///   - nodes: All nodes.
    ///   - pods: All pods of the cluster. Those that no node has taken yet are placed here first, where
    ///     they fit: what a scheduler is about to give away is not free.
    ///   - admitted: Gangs that were let in, whose pods do not exist yet.
    public init(nodes: [Node], pods: [Pod], admitted: [GangRequest] = []) {
        self.nodes = nodes.sorted { $0.name < $1.name }.map(FreeNode.init)
        let index = Dictionary(
            self.nodes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        var waiting: [PodSpec] = []
        for pod in pods {
            guard let spec = pod.spec, !pod.isFinished else { continue }
            if let position = spec.nodeName.flatMap({ index[$0] }) {
                self.nodes[position].free.take(spec.scheduledRequests)
            } else if spec.nodeName == nil, pod.metadata.deletionTimestamp == nil {
                waiting.append(spec)
            }
        }
        for spec in waiting {
            _ = place(requests: spec.scheduledRequests, NodeDemands(spec))
        }
        for gang in admitted { _ = placeAll(gang) }
    }

    /// Whether all pods of the gang find a place at once; if not, why.
    public func answer(to gang: GangRequest) -> GangAnswer {
        var trial = self
        return trial.placeAll(gang) ? .fits : .waits(explanation(of: gang))
    }

    /// Places as many as fit; whether that was all.
    private mutating func placeAll(_ gang: GangRequest) -> Bool {
        let requests = gang.requests.mapValues(\.milliunits).countingPod
        for _ in 0..<max(0, gang.count) {
            guard place(requests: requests, gang.demands) else { return false }
        }
        return true
    }

    /// Best fit: the node that has the least left of what is scarcest, so that gaps stay large.
    private mutating func place(requests: [String: Int128], _ demands: NodeDemands) -> Bool {
        let scarce = requests.keys.filter { $0.contains("/") }.sorted().first ?? "cpu"
        let candidates = nodes.indices.filter { index in
            nodes[index].exclusion(of: demands) == nil
                && nodes[index].free.holds(requests)
        }
        let best = candidates.min { (nodes[$0].free[scarce] ?? 0) < (nodes[$1].free[scarce] ?? 0) }
        guard let best else { return false }
        nodes[best].free.take(requests)
        return true
    }
}

extension ClusterSnapshot.FreeNode {
    init(_ node: Node) {
        name = node.name
        labels = node.metadata.labels ?? [:]
        taints = node.spec?.taints ?? []
        let ready = node.status?.conditions?.first { $0.type == "Ready" }
        isReady = ready?.status == .true && node.metadata.deletionTimestamp == nil
        isCordoned = node.spec?.unschedulable == true
        free = (node.status?.allocatable ?? node.status?.capacity ?? [:]).mapValues(\.milliunits)
        if free["pods"] == nil { free["pods"] = 110_000 }
    }

    /// Why the node is out of the question however much is free, in words that several nodes may share.
    func exclusion(of demands: NodeDemands) -> String? {
        guard isReady else { return "not ready or cordoned" }
        switch demands.exclusion(fromNode: name, labels: labels, taints: taints, isCordoned: isCordoned) {
        case nil: return nil
        case .unschedulable: return "not ready or cordoned"
        case .label(let key, let value): return "without the label \(key)=\(value)"
        case .taint(let taint):
            return "excluded by the taint \(taint.key)\(taint.value.map { "=\($0)" } ?? ""):\(taint.effect)"
        case .affinity: return "outside of the node affinity"
        }
    }
}

extension [String: Int128] {
    /// The pod itself counts against the node's `pods`.
    var countingPod: [String: Int128] { merging(["pods": 1000]) { amount, _ in amount } }
}
