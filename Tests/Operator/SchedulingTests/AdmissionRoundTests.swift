import KubernetesAPI
import Scheduling
import SeededRandomness
import Testing

@Suite("An admission round")
struct AdmissionRoundTests {
    static let gpu = "nvidia.com/gpu"
    static let gpuTaint = Taint(key: gpu, effect: "NoSchedule")
    static let gpuToleration = Toleration(key: gpu, operator: "Exists", effect: "NoSchedule")

    static func node(
        _ name: String, gpus: Int64 = 0, labels: [String: String] = [:], taints: [Taint] = [],
        ready: Bool = true
    ) -> Node {
        var node = Node(metadata: ObjectMeta(name: name, labels: labels), spec: NodeSpec(taints: taints))
        node.status = NodeStatus()
        node.status?.allocatable = ["cpu": Quantity(8), "memory": Quantity(32 << 30), "pods": Quantity(10)]
        if gpus > 0 { node.status?.allocatable?[gpu] = Quantity(gpus) }
        node.status?.conditions = [NodeCondition(type: "Ready", status: ready ? .true : .false)]
        return node
    }

    static func pod(_ name: String, gpus: Int64, on node: String?, phase: String = "Running") -> Pod {
        var container = Container(name: "main")
        container.resources = ResourceRequirements(limits: [gpu: Quantity(gpus)])
        var spec = PodSpec(containers: [container])
        spec.nodeName = node
        spec.tolerations = [gpuToleration]
        return Pod(metadata: ObjectMeta(name: name), spec: spec, status: PodStatus(phase: phase))
    }

    static func workload(
        _ name: String, _ count: Int = 1, gpus: Int64 = 1, minimum: Int? = nil,
        selector: [String: String] = [:], priority: Int64 = 0, since: Int64 = 0,
        state: Workload.State = .waiting
    ) -> Workload {
        let share = PodResources.Share(
            ResourceRequirements(requests: [gpu: Quantity(gpus), "cpu": Quantity(1)]))
        return Workload(
            identity: .init(
                kind: "TrainingJob", key: ObjectKey(namespace: "team", name: name), uid: "uid-\(name)"),
            attempt: 1, state: state,
            gang: GangRequest(
                count: count, minimum: minimum, resources: PodResources(containers: [share]),
                nodeSelector: selector, tolerations: [gpuToleration]),
            priority: priority, gpuResource: gpu, waitingSince: Timestamp(seconds: since))
    }

    static func decide(
        _ workloads: [Workload], nodes: [Node], pods: [Pod] = [], quotas: [ResourceQuota] = []
    ) -> [String: AdmissionRound.Decision] {
        let decisions = AdmissionRound.decide(
            .init(nodes: nodes, pods: pods.map(PodFootprint.init), quotas: quotas, workloads: workloads))
        return Dictionary(decisions.map { ($0.workload.identity.key.name, $0.decision) }) { first, _ in first
        }
    }

    static func reason(_ decision: AdmissionRound.Decision?) -> String? {
        if case .wait(let why) = decision { why } else { nil }
    }

    @Test
    func `a gang is let in with all its pods or not at all`() {
        let nodes = [
            Self.node("a", gpus: 1, taints: [Self.gpuTaint]),
            Self.node("b", gpus: 1, taints: [Self.gpuTaint]),
        ]
        #expect(Self.decide([Self.workload("w", 2)], nodes: nodes)["w"] == .admit(pods: 2))
        #expect(Self.reason(Self.decide([Self.workload("w", 3)], nodes: nodes)["w"]) != nil)
        #expect(Self.reason(Self.decide([Self.workload("w", gpus: 2)], nodes: nodes)["w"]) != nil)
    }

    @Test
    func `a gang without room says nothing of smaller ones with the same pods`() {
        let nodes = [Self.node("a", gpus: 1), Self.node("b", gpus: 1)]
        let decisions = Self.decide(
            [
                Self.workload("four", 4, since: 1), Self.workload("three", 3, since: 2),
                Self.workload("two", 2, since: 3), Self.workload("one", 1, since: 4),
            ], nodes: nodes)
        #expect(decisions["two"] == .admit(pods: 2))
        #expect(["four", "three", "one"].allSatisfy { Self.reason(decisions[$0]) != nil })
    }

    @Test
    func `pods that need no other are let in as far as there is room`() {
        let nodes = [Self.node("a", gpus: 2)]
        #expect(Self.decide([Self.workload("w", 3, minimum: 1)], nodes: nodes)["w"] == .admit(pods: 2))
    }

    @Test
    func `bound pods hold their GPUs, finished ones do not`() {
        let nodes = [Self.node("a", gpus: 2)]
        let busy = [Self.pod("p", gpus: 1, on: "a")]
        #expect(Self.reason(Self.decide([Self.workload("w", 2)], nodes: nodes, pods: busy)["w"]) != nil)
        #expect(Self.decide([Self.workload("w")], nodes: nodes, pods: busy)["w"] == .admit(pods: 1))
        let done = [Self.pod("p", gpus: 2, on: "a", phase: "Succeeded")]
        #expect(Self.decide([Self.workload("w", 2)], nodes: nodes, pods: done)["w"] == .admit(pods: 2))
    }

    @Test
    func `pods that wait for a node are served first, where they fit at all`() {
        let nodes = [Self.node("a", gpus: 2)]
        let waiting = [Self.pod("p", gpus: 2, on: nil, phase: "Pending")]
        #expect(Self.reason(Self.decide([Self.workload("w")], nodes: nodes, pods: waiting)["w"]) != nil)
        let hopeless = [Self.pod("p", gpus: 64, on: nil, phase: "Pending")]
        #expect(Self.decide([Self.workload("w", 2)], nodes: nodes, pods: hopeless)["w"] == .admit(pods: 2))
    }

    @Test
    func `room is kept for admitted pods that do not exist yet, and for no others`() {
        let nodes = [Self.node("a", gpus: 2)]
        let pending = Self.workload("old", 2, state: .admitted(outstanding: 1))
        #expect(Self.reason(Self.decide([pending, Self.workload("w", 2)], nodes: nodes)["w"]) != nil)
        #expect(Self.decide([pending, Self.workload("w")], nodes: nodes) == ["w": .admit(pods: 1)])
        let there = Self.workload("old", 2, state: .admitted(outstanding: 0))
        #expect(Self.decide([there, Self.workload("w", 2)], nodes: nodes)["w"] == .admit(pods: 2))
    }

    @Test
    func `an admission that has served its time is taken back`() {
        let old = Self.workload("old", state: .released)
        #expect(Self.decide([old], nodes: [Self.node("a", gpus: 1)]) == ["old": .release])
    }

    @Test
    func `a gang that fits in part gives back what it was tried on`() {
        let decisions = Self.decide(
            [Self.workload("large", 3, since: 1), Self.workload("small", 2, since: 2)],
            nodes: [Self.node("a", gpus: 1), Self.node("b", gpus: 1)])
        #expect(Self.reason(decisions["large"]) != nil && decisions["small"] == .admit(pods: 2))
    }

    @Test
    func `one GPU lets in one run: the higher priority, then the longer wait`() {
        let nodes = [Self.node("a", gpus: 1)]
        let young = Self.workload("young", since: 20)
        let old = Self.workload("old", since: 10)
        let high = Self.workload("high", priority: 5, since: 30)
        let first = Self.decide([young, old], nodes: nodes)
        #expect(first["old"] == .admit(pods: 1) && Self.reason(first["young"]) != nil)
        let second = Self.decide([young, old, high], nodes: nodes)
        #expect(second["high"] == .admit(pods: 1) && second.values.count { Self.reason($0) != nil } == 2)
    }

    @Test
    func `a run that does not fit lets a smaller one behind it pass`() {
        let decisions = Self.decide(
            [Self.workload("large", gpus: 4, since: 1), Self.workload("small", since: 2)],
            nodes: [Self.node("a", gpus: 2)])
        #expect(decisions["small"] == .admit(pods: 1))
        #expect(
            Self.reason(decisions["large"])
                == "needs 1 × (1 cpu, 4 nvidia.com/gpu); the largest suitable node has 2 nvidia.com/gpu")
    }

    @Test
    func `small pods go where least is left, so that large ones still fit`() {
        let decisions = Self.decide(
            [Self.workload("small", since: 1), Self.workload("large", gpus: 4, since: 2)],
            nodes: [Self.node("a", gpus: 4), Self.node("b", gpus: 1)])
        #expect(decisions == ["small": .admit(pods: 1), "large": .admit(pods: 1)])
    }

    @Test
    func `a reason to wait says what is needed and which nodes are out`() {
        let nodes = [
            Self.node("a", gpus: 1, labels: ["zone": "x"]), Self.node("b", gpus: 8, labels: ["zone": "y"]),
            Self.node(
                "c", gpus: 8, labels: ["zone": "x"],
                taints: [Taint(key: "team", value: "other", effect: "NoSchedule")]),
            Self.node("d", gpus: 8, labels: ["zone": "x"], ready: false),
        ]
        #expect(
            Self.reason(Self.decide([Self.workload("w", 2, selector: ["zone": "x"])], nodes: nodes)["w"])
                == "needs 2 × (1 cpu, 1 nvidia.com/gpu) at once; the suitable node would hold 1 of them if it "
                + "were empty; 1 node is excluded by the taint team=other:NoSchedule; 1 node is not ready or "
                + "cordoned; 1 node is without the label zone=x")
        #expect(
            Self.reason(Self.decide([Self.workload("w")], nodes: [])["w"])
                == "needs 1 × (1 cpu, 1 nvidia.com/gpu); the cluster has no nodes")
    }

    @Test
    func `a reason to wait stays the same while pods of others come and go`() {
        let nodes = [Self.node("a", gpus: 4)]
        let reasons = Set(
            (1...4).map { used in
                let pods = (0..<used).map { Self.pod("p\($0)", gpus: 1, on: "a") }
                return Self.reason(Self.decide([Self.workload("w", gpus: 4)], nodes: nodes, pods: pods)["w"])
            })
        #expect(
            reasons == ["needs 1 × (1 cpu, 4 nvidia.com/gpu); the suitable node has no room for that now"])
    }

    @Test
    func `a quota of the namespace lets in what it has room for, and is named`() {
        var quota = ResourceQuota(
            metadata: ObjectMeta(name: "gpus", namespace: "team"),
            spec: ResourceQuotaSpec(hard: ["requests.nvidia.com/gpu": Quantity(4)]))
        quota.status = ResourceQuotaStatus(
            hard: ["requests.nvidia.com/gpu": Quantity(4)], used: ["requests.nvidia.com/gpu": Quantity(1)])
        let runs = (0..<5).map { Self.workload("w\($0)", since: Int64($0)) }
        let decisions = Self.decide(runs, nodes: [Self.node("a", gpus: 8)], quotas: [quota])
        #expect(decisions.values.count { $0 == .admit(pods: 1) } == 3)
        #expect(
            Self.reason(decisions["w3"])
                == "ResourceQuota gpus allows 4 requests.nvidia.com/gpu, of which others use too much for the 1 "
                + "that the run needs")
        var elsewhere = quota
        elsewhere.metadata.namespace = "other"
        let free = Self.decide(runs, nodes: [Self.node("a", gpus: 8)], quotas: [elsewhere])
        #expect(free.values.count { $0 == .admit(pods: 1) } == 5)
    }

    @Test
    func `rounds never give away more than there is, and what they decide is admitted once`() {
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let nodes = (0..<5).map { Self.node("n\($0)", gpus: Int64.random(in: 0...8, using: &random)) }
            var runs = (0..<20).map { index in
                Self.workload(
                    "w\(index)", Int.random(in: 1...3, using: &random),
                    gpus: Int64.random(in: 1...4, using: &random), since: Int64(index))
            }
            var held: Int64 = 0
            for _ in 0..<3 {
                for (name, decision) in Self.decide(runs, nodes: nodes) {
                    guard case .admit(let pods) = decision,
                        let index = runs.firstIndex(where: { $0.identity.key.name == name })
                    else { continue }
                    #expect(runs[index].state == .waiting, "seed \(seed): \(name) was let in twice")
                    #expect(pods == runs[index].gang.count)
                    runs[index].state = .admitted(outstanding: pods)
                    held += Int64(pods) * runs[index].gpusPerPod
                }
            }
            let offered = nodes.reduce(0) { $0 + ($1.status?.allocatable?[Self.gpu]?.units ?? 0) }
            #expect(held <= offered, "seed \(seed)")
        }
    }

    @Test
    func `a sidecar counts beside the main container, an init container only where it is larger`() {
        var spec = PodSpec(containers: [Container(name: "main")])
        spec.containers[0].resources = ResourceRequirements(requests: ["cpu": Quantity(2)])
        var sidecar = Container(name: "sync")
        sidecar.restartPolicy = "Always"
        sidecar.resources = ResourceRequirements(requests: ["cpu": Quantity(1)])
        var prepare = Container(name: "prepare")
        prepare.resources = ResourceRequirements(requests: ["cpu": Quantity(4)])
        spec.initContainers = [sidecar, prepare]
        #expect(spec.scheduledRequests["cpu"] == 5000)
        spec.initContainers = [sidecar]
        #expect(spec.scheduledRequests["cpu"] == 3000)
    }
}
