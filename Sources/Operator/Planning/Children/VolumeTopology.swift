import AnnealAPI
import KubernetesAPI
import Scheduling

/// Nodes for CPU stages: those from where a volume can be reached that GPU pods reach, too. A volume is made where
/// the first pod that mounts it is placed, which is a CPU stage's.
enum VolumeTopology {
    /// Zones in which the GPU pods of a placement may run; empty where that is not known: no node matches, or one that
    /// does has no zone.
    ///
    /// - Parameter gang: The pods' request. Zones that could hold all of them are preferred to those that could not.
    static func zones(of gang: GangRequest, among nodes: [Node]) -> Set<String> {
        var room: [String: Int64] = [:]
        for node in nodes {
            let pods = pods(of: gang, on: node)
            guard pods > 0, gang.demands.mayLive(on: node) else { continue }
            guard let zone = zone(of: node) else { return [] }
            room[zone] = (room[zone] ?? 0).addingClamped(pods)
        }
        let whole = room.filter { $0.value >= Int64(gang.count) }
        return Set((whole.isEmpty ? room : whole).keys)
    }

    /// Has a CPU stage's pod run where its volume can be reached by the GPU pods.
    ///
    /// - Parameter zones: Zones of the nodes that GPU pods may run on; empty if they are not known.
    static func apply(_ placement: Placement?, zones: Set<String>, gpus: Int, to spec: inout PodSpec) {
        let asked = placement?.nodeSelector ?? [:]
        let places = asked.filter { isPlace($0.key) }
        // Where zones are not known, the pool is all that says where the volume can live.
        let pool = zones.isEmpty ? asked.filter { !isPlace($0.key) && !isHardware($0.key) } : [:]
        let selector = places.merging(pool) { place, _ in place }
        spec.nodeSelector = selector.isEmpty ? nil : selector
        if !zones.isEmpty, places[zoneLabel] == nil {
            spec.affinity = Affinity(
                nodeAffinity: NodeAffinity(
                    required: NodeSelector(nodeSelectorTerms: [
                        NodeSelectorTerm(matchExpressions: [
                            SelectorRequirement(key: zoneLabel, operator: "In", values: zones.sorted())
                        ])
                    ])))
        }
        // Nodes of the pool may be closed to whoever has no GPU.
        let isOnGPUNodes = !pool.isEmpty || places[hostLabel] != nil
        let tolerations =
            isOnGPUNodes
            ? PodPlacement.tolerations(placement, gpus: gpus) : PodPlacement.ownTolerations(placement)
        spec.tolerations = tolerations.isEmpty ? nil : tolerations
    }

    private static let zoneLabel = "topology.kubernetes.io/zone"
    private static let hostLabel = "kubernetes.io/hostname"

    /// Whether a label says where a node is: Kubernetes' own, and those of storage drivers.
    private static func isPlace(_ label: String) -> Bool {
        label == hostLabel || label.hasPrefix("topology.")
            || label.hasPrefix("failure-domain.beta.kubernetes.io/")
    }

    /// Whether a label says what a node is made of or what it costs, which is nothing to CPU stages.
    private static func isHardware(_ label: String) -> Bool {
        hardwareLabels.contains(label) || hardwarePrefixes.contains { label.hasPrefix($0) }
    }

    private static let hardwareLabels: Set<String> = [
        Anneal.Label.gpuType, Anneal.Label.capacityType, "accelerator", "kubernetes.io/arch",
        "beta.kubernetes.io/arch", "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type",
        "k8s.amazonaws.com/accelerator", "cloud.google.com/gke-accelerator",
        "kubernetes.azure.com/accelerator",
        "karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType", "cloud.google.com/gke-spot",
        "cloud.google.com/gke-preemptible", "cloud.google.com/gke-provisioning",
        "kubernetes.azure.com/scalesetpriority",
    ]
    private static let hardwarePrefixes = [
        "nvidia.com/", "amd.com/", "gpu.intel.com/", "habana.ai/", "feature.node.kubernetes.io/",
        "karpenter.k8s.aws/instance-",
    ]

    private static func zone(of node: Node) -> String? {
        let labels = node.metadata.labels ?? [:]
        return (labels[zoneLabel] ?? labels["failure-domain.beta.kubernetes.io/zone"])
            .flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Pods of the gang that the node could hold were it empty.
    private static func pods(of gang: GangRequest, on node: Node) -> Int64 {
        let allocatable = node.status?.allocatable ?? [:]
        return gang.resources.requests.reduce(Int64(gang.count)) { fewest, request in
            guard request.value.milliunits > 0 else { return fewest }
            let count = (allocatable[request.key]?.milliunits ?? 0) / request.value.milliunits
            return min(fewest, Int64(clamping: max(0, count)))
        }
    }
}

extension NodeDemands {
    /// Whether pods may be on the node at other times, if not now: it may be cordoned, or not ready.
    fileprivate func mayLive(on node: Node) -> Bool {
        let lasting = (node.spec?.taints ?? []).filter { !$0.key.hasPrefix("node.kubernetes.io/") }
        return exclusion(
            fromNode: node.name, labels: node.metadata.labels ?? [:], taints: lasting, isCordoned: false)
            == nil
    }
}
