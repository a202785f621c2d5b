import KubernetesAPI
import Scheduling
import Testing

@Suite("Whether a gang can be placed")
struct PlacementTests {
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

    static func gang(_ count: Int, gpus: Int64 = 1, selector: [String: String] = [:]) -> GangRequest {
        GangRequest(
            count: count, requests: [gpu: Quantity(gpus), "cpu": Quantity(1)], nodeSelector: selector,
            tolerations: [gpuToleration])
    }

    @Test
    func `scarce memory and storage are told in Mi`() {
        let snapshot = ClusterSnapshot(nodes: [Self.node("a")], pods: [])
        let gang = GangRequest(
            count: 1, requests: ["memory": Quantity(64 << 30), "ephemeral-storage": Quantity(1 << 30)])
        #expect(
            snapshot.answer(to: gang)
                == .waits(
                    "needs 1 × (1024Mi ephemeral-storage, 65536Mi memory) at once; "
                        + "free on 1 suitable node: 0Mi ephemeral-storage, 32768Mi memory"))
    }

    @Test
    func `a gang is placed with all its pods or not at all`() {
        let snapshot = ClusterSnapshot(
            nodes: [
                Self.node("a", gpus: 1, taints: [Self.gpuTaint]),
                Self.node("b", gpus: 1, taints: [Self.gpuTaint]),
            ],
            pods: [])
        #expect(snapshot.answer(to: Self.gang(2)) == .fits)
        #expect(snapshot.answer(to: Self.gang(3)) != .fits)
        #expect(snapshot.answer(to: Self.gang(1, gpus: 2)) != .fits)
    }

    @Test
    func `bound pods hold their GPUs, finished ones do not`() {
        let nodes = [Self.node("a", gpus: 2)]
        let busy = ClusterSnapshot(nodes: nodes, pods: [Self.pod("p", gpus: 1, on: "a")])
        #expect(busy.answer(to: Self.gang(2)) != .fits)
        #expect(busy.answer(to: Self.gang(1)) == .fits)
        let done = ClusterSnapshot(nodes: nodes, pods: [Self.pod("p", gpus: 2, on: "a", phase: "Succeeded")])
        #expect(done.answer(to: Self.gang(2)) == .fits)
    }

    @Test
    func `pods that wait for a node, and gangs that were let in, are served first`() {
        let nodes = [Self.node("a", gpus: 2)]
        let waiting = ClusterSnapshot(nodes: nodes, pods: [Self.pod("p", gpus: 2, on: nil, phase: "Pending")])
        #expect(waiting.answer(to: Self.gang(1)) != .fits)
        let admitted = ClusterSnapshot(nodes: nodes, pods: [], admitted: [Self.gang(1)])
        #expect(admitted.answer(to: Self.gang(2)) != .fits)
        let hopeless = ClusterSnapshot(
            nodes: nodes, pods: [Self.pod("p", gpus: 64, on: nil, phase: "Pending")])
        #expect(hopeless.answer(to: Self.gang(2)) == .fits)
    }

    @Test
    func `small pods go where least is left, so that large ones still fit`() {
        let snapshot = ClusterSnapshot(
            nodes: [Self.node("a", gpus: 4), Self.node("b", gpus: 1)], pods: [], admitted: [Self.gang(1)])
        #expect(snapshot.answer(to: Self.gang(1, gpus: 4)) == .fits)
    }

    @Test
    func `a refusal says what is needed, what is free, and which nodes are out`() {
        let snapshot = ClusterSnapshot(
            nodes: [
                Self.node("a", gpus: 1, labels: ["zone": "x"]),
                Self.node("b", gpus: 8, labels: ["zone": "y"]),
                Self.node(
                    "c", gpus: 8, labels: ["zone": "x"],
                    taints: [Taint(key: "team", value: "other", effect: "NoSchedule")]),
                Self.node("d", gpus: 8, labels: ["zone": "x"], ready: false),
            ], pods: [])
        #expect(
            snapshot.answer(to: Self.gang(2, selector: ["zone": "x"]))
                == .waits(
                    "needs 2 × (1 cpu, 1 nvidia.com/gpu) at once; free on 1 suitable node: 1 nvidia.com/gpu; "
                        + "1 node is excluded by the taint team=other:NoSchedule; 1 node is not ready or cordoned; "
                        + "1 node is without the label zone=x"))
        #expect(
            ClusterSnapshot(nodes: [], pods: []).answer(to: Self.gang(1))
                == .waits("needs 1 × (1 cpu, 1 nvidia.com/gpu) at once; the cluster has no nodes"))
    }

    @Test
    func `GPUs that are free, but not together on a node, are said to be so`() {
        let snapshot = ClusterSnapshot(nodes: [Self.node("a", gpus: 1), Self.node("b", gpus: 1)], pods: [])
        let split = GangRequest(count: 1, requests: [Self.gpu: Quantity(1), "cpu": Quantity(1)])
        #expect(snapshot.answer(to: split) == .fits)
        var full = Self.pod("p", gpus: 0, on: "a")
        full.spec?.containers[0].resources = ResourceRequirements(requests: ["cpu": Quantity(8)])
        var used = Self.pod("q", gpus: 1, on: "b")
        used.spec?.containers[0].resources = ResourceRequirements(requests: [Self.gpu: Quantity(1)])
        let apart = ClusterSnapshot(
            nodes: [Self.node("a", gpus: 1), Self.node("b", gpus: 1)], pods: [full, used])
        #expect(
            apart.answer(to: split)
                == .waits(
                    "needs 1 × (1 cpu, 1 nvidia.com/gpu) at once; no suitable node (of 2) has all of it free together"
                ))
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
