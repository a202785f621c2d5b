import AnnealAPI
import KubernetesAPI
import Testing

@testable import Planning

/// CPU stages run where the volume that they make can be reached by the GPU pods.
@Suite("The place of a volume")
struct VolumeTopologyTests {
    private static let zoneLabel = "topology.kubernetes.io/zone"

    private static func node(
        _ name: String, zone: String?, gpus: Int64 = 0, labels: [String: String] = [:], taints: [Taint] = []
    ) -> Node {
        var labels = labels
        labels[zoneLabel] = zone
        var node = Node(metadata: ObjectMeta(name: name, labels: labels))
        node.spec = NodeSpec()
        node.spec?.taints = taints
        var status = NodeStatus()
        status.allocatable = ["cpu": Quantity(64), "memory": Quantity(256 << 30)]
        if gpus > 0 { status.allocatable?["nvidia.com/gpu"] = Quantity(gpus) }
        node.status = status
        return node
    }

    private static let gpuTaint = Taint(key: "nvidia.com/gpu", value: "present", effect: "NoSchedule")

    private static func zones(
        _ nodes: [Node], gpus: Int = 1, count: Int = 1, change: (inout TrainingJobSpec) -> Void = { _ in }
    ) -> Set<String> {
        var job = Samples.trainingJob(nodes: count, change: change)
        job.spec.trainer.resourcesPerNode?.gpus = gpus
        job.status = TrainingJobStatus(phase: .preprocessing)
        job.status?.current = StageAttempt(stage: .preprocessing, attempt: 1, startedAt: Samples.start)
        return TrainingJobPlanner.zones(of: job, settings: Samples.settings) { nodes }
    }

    private static func placement(_ change: (inout Placement) -> Void) -> (inout TrainingJobSpec) -> Void {
        var placement = Placement()
        change(&placement)
        return { [placement] in $0.placement = placement }
    }

    /// The pod of a CPU stage.
    private static func pod(
        _ stage: TrainingJobPhase = .preparing, zones: Set<String> = [],
        change: (inout TrainingJobSpec) -> Void = { _ in }
    ) throws -> PodSpec {
        let job = Samples.trainingJob(change: change)
        let builder = StageJob(
            run: RunObject(job), spec: job.spec, status: TrainingJobStatus(phase: stage),
            settings: Samples.settings, zones: zones)
        return try #require(builder.make(stage, attempt: 1)?.spec?.template.spec)
    }

    @Test func `the zones are those of nodes that have the GPUs, whatever taints keep others off them`() {
        let nodes = [
            Self.node("cpu", zone: "a"), Self.node("gpu", zone: "b", gpus: 8, taints: [Self.gpuTaint]),
            Self.node(
                "closed", zone: "c", gpus: 8, taints: [Taint(key: "team", value: "x", effect: "NoSchedule")]),
            Self.node(
                "away", zone: "d", gpus: 8,
                taints: [Taint(key: "node.kubernetes.io/not-ready", effect: "NoExecute")]),
        ]
        #expect(Self.zones(nodes) == ["b", "d"])
        #expect(Self.zones(nodes, gpus: 0) == [], "a run that goes anywhere has nothing to follow")
        #expect(Self.zones([]) == [])
    }

    @Test func `a placement chooses among the nodes`() {
        let nodes = [
            Self.node("a", zone: "a", gpus: 8, labels: ["pool": "blue"]),
            Self.node("b", zone: "b", gpus: 8, labels: ["pool": "red"]),
            Self.node("c", zone: "c", gpus: 8, labels: [Anneal.Label.gpuType: "h100"]),
        ]
        #expect(Self.zones(nodes, change: Self.placement { $0.nodeSelector = ["pool": "red"] }) == ["b"])
        #expect(Self.zones(nodes, change: Self.placement { $0.gpuType = "h100" }) == ["c"])
        #expect(Self.zones(nodes, change: Self.placement { $0.gpuResourceName = "amd.com/gpu" }) == [])
    }

    @Test func `zones that could hold the whole gang go first`() {
        let nodes =
            [Self.node("small", zone: "a", gpus: 4)]
            + (0..<3).map { Self.node("large-\($0)", zone: "b", gpus: 8) }
        #expect(Self.zones(nodes, gpus: 4, count: 1) == ["a", "b"])
        #expect(Self.zones(nodes, gpus: 4, count: 2) == ["b"])
        #expect(Self.zones(nodes, gpus: 8, count: 3) == ["b"])
        #expect(Self.zones(nodes, gpus: 8, count: 9) == ["b"], "none does: all that have any")
    }

    @Test func `one node without a zone makes zones unknown`() {
        #expect(Self.zones([Self.node("a", zone: "a", gpus: 8), Self.node("b", zone: nil, gpus: 8)]) == [])
    }

    @Test func `zones are asked for before a CPU stage is launched, and at no other time`() {
        var job = Samples.trainingJob()
        func asks(_ stage: TrainingJobPhase, launched: Bool) -> Bool {
            job.status = TrainingJobStatus(phase: stage)
            job.status?.current = StageAttempt(stage: stage, attempt: 1, startedAt: Samples.start)
            job.status?.current?.launchedAt = launched ? Samples.start : nil
            var hasAsked = false
            _ = TrainingJobPlanner.zones(of: job, settings: Samples.settings) {
                hasAsked = true
                return []
            }
            return hasAsked
        }
        #expect(asks(.preparing, launched: false))
        #expect(!asks(.preparing, launched: true))
        #expect(!asks(.queued, launched: false))
    }

    @Test(arguments: [TrainingJobPhase.validating, .preprocessing, .preparing, .uploading])
    func `CPU stages follow the zone, and neither its GPUs nor what its nodes are made of`(
        stage: TrainingJobPhase
    ) throws {
        let pod = try Self.pod(
            stage, zones: ["eu-1b"],
            change: Self.placement {
                $0.gpuType = "h100"
                $0.capacityType = .spot
                $0.nodeSelector = [
                    Self.zoneLabel: "eu-1b", "topology.ebs.csi.aws.com/zone": "eu-1b", "pool": "red",
                    "node.kubernetes.io/instance-type": "p5.48xlarge",
                ]
                $0.tolerations = [PlacementToleration(key: "team", operator: "Exists")]
            })
        #expect(
            pod.nodeSelector == [Self.zoneLabel: "eu-1b", "topology.ebs.csi.aws.com/zone": "eu-1b"])
        #expect(pod.tolerations?.map(\.key) == ["team"])
        #expect(pod.affinity == nil, "the selector says it")
        #expect(pod.containers.allSatisfy { $0.resources?.limits?["nvidia.com/gpu"] == nil })
    }

    @Test func `where the placement names no zone, the zones of its nodes do`() throws {
        let pod = try Self.pod(
            zones: ["b", "a"], change: Self.placement { $0.nodeSelector = ["pool": "red"] })
        let terms = pod.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?
            .nodeSelectorTerms
        #expect(
            terms == [
                NodeSelectorTerm(matchExpressions: [
                    SelectorRequirement(key: Self.zoneLabel, operator: "In", values: ["a", "b"])
                ])
            ])
        #expect(pod.nodeSelector == nil)
        #expect(pod.tolerations == nil, "CPU nodes of the zone do, and GPU nodes are kept for GPUs")
    }

    @Test func `where zones are not known, the pool says where the volume can live`() throws {
        let pod = try Self.pod(
            change: Self.placement {
                $0.gpuType = "h100"
                $0.nodeSelector = ["pool": "red", "research-rack": "7", "nvidia.com/gpu.product": "H100"]
            })
        #expect(pod.nodeSelector == ["pool": "red", "research-rack": "7"])
        #expect(pod.tolerations?.contains { $0.key == "nvidia.com/gpu" } == true)
        #expect(pod.affinity == nil)
    }

    @Test func `a run that is bound to one node has its volume there`() throws {
        let pod = try Self.pod(
            zones: ["a"], change: Self.placement { $0.nodeSelector = ["kubernetes.io/hostname": "gpu-7"] })
        #expect(pod.nodeSelector == ["kubernetes.io/hostname": "gpu-7"])
        #expect(pod.tolerations?.contains { $0.key == "nvidia.com/gpu" } == true)
    }

    @Test func `a run without a placement and without zones is placed anywhere`() throws {
        let pod = try Self.pod()
        #expect(pod.nodeSelector == nil)
        #expect(pod.tolerations == nil)
        #expect(pod.affinity == nil)
    }
}
