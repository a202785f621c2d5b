import ClusterControllers
import KubernetesAPI
import Scheduling
import Testing

@Suite struct SchedulingRoundTests {
    static func node(
        _ name: String, gpus: Int64 = 0, cpu: Int64 = 4, taints: [Taint] = [], labels: [String: String] = [:]
    ) -> Node {
        var node = Node(metadata: ObjectMeta(name: name, labels: labels), spec: NodeSpec(taints: taints))
        node.status = NodeStatus()
        node.status?.allocatable = [
            "cpu": Quantity(cpu), "memory": Quantity(1 << 33), "pods": Quantity(10),
            "nvidia.com/gpu": Quantity(gpus),
        ]
        return node
    }

    static func pod(
        _ name: String, gpus: Int64 = 0, cpu: String = "100m", priority: Int64 = 0, node: String? = nil,
        change: (inout PodSpec) -> Void = { _ in }
    ) -> Pod {
        var container = Container(name: "c")
        container.resources = ResourceRequirements(requests: Quantity(cpu).map { ["cpu": $0] })
        if gpus > 0 { container.resources?.limits = ["nvidia.com/gpu": Quantity(gpus)] }
        var spec = PodSpec(containers: [container])
        spec.priority = priority
        spec.nodeName = node
        change(&spec)
        return Pod(metadata: ObjectMeta(name: name, namespace: "ns"), spec: spec)
    }

    static let gpuTaint = Taint(key: "nvidia.com/gpu", value: "present", effect: "NoSchedule")
    static func tolerate(_ spec: inout PodSpec) {
        spec.tolerations = [Toleration(key: "nvidia.com/gpu", operator: "Exists")]
    }

    static func place(_ pod: Pod, nodes: [Node], pods: [Pod] = [], claims: [PersistentVolumeClaim] = [])
        -> Placement
    {
        var round = SchedulingRound(nodes: nodes, pods: pods, claims: claims)
        return round.place(pod)
    }

    @Test
    func `a refusal counts the nodes by reason, as the scheduler of Kubernetes does`() {
        let nodes = [
            Self.node("cpu"), Self.node("g1", gpus: 4, taints: [Self.gpuTaint]),
            Self.node("g2", gpus: 4, taints: [Self.gpuTaint]),
        ]
        #expect(
            Self.place(Self.pod("p", gpus: 8, change: Self.tolerate), nodes: nodes)
                == .unschedulable(message: "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."))
        #expect(
            Self.place(Self.pod("p", gpus: 1), nodes: nodes)
                == .unschedulable(
                    message: "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, "
                        + "2 node(s) had untolerated taint {nvidia.com/gpu: present}."))
        #expect(
            Self.place(Self.pod("p") { $0.nodeSelector = ["a": "b"] }, nodes: [nodes[0]])
                == .unschedulable(
                    message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."))
        #expect(
            Self.place(Self.pod("p"), nodes: [])
                == .unschedulable(message: "no nodes available to schedule pods"))
    }

    @Test
    func `GPUs of running pods are not given away, those of ended pods are`() {
        let nodes = [Self.node("g", gpus: 4)]
        var held = Self.pod("held", gpus: 3, node: "g")
        #expect(
            Self.place(Self.pod("p", gpus: 2), nodes: nodes, pods: [held])
                == .unschedulable(message: "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."))
        held.status = PodStatus(phase: "Succeeded")
        #expect(Self.place(Self.pod("p", gpus: 2), nodes: nodes, pods: [held]) == .bind(node: "g"))
    }

    @Test
    func `a round keeps the room of what it placed`() {
        var round = SchedulingRound(nodes: [Self.node("g", gpus: 4)], pods: [], claims: [])
        #expect(round.place(Self.pod("a", gpus: 3)) == .bind(node: "g"))
        #expect(
            round.place(Self.pod("b", gpus: 2))
                == .unschedulable(message: "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."))
        #expect(round.place(Self.pod("c", gpus: 1)) == .bind(node: "g"))
    }

    @Test
    func `the emptier node is taken, and higher priority comes first`() {
        let busy = Self.pod("busy", cpu: "3", node: "a")
        #expect(
            Self.place(Self.pod("p"), nodes: [Self.node("a"), Self.node("b")], pods: [busy])
                == .bind(node: "b"))
        let ordered = SchedulingRound.order([
            Self.pod("low"), Self.pod("high", priority: 10), Self.pod("also-low"),
        ])
        #expect(ordered.map(\.name) == ["high", "also-low", "low"])
    }

    @Test(
        arguments: [
            ([("i", "3", false)], "1", 3000), ([("i", "1", false)], "2", 2000),
            ([("s", "1", true)], "2", 3000), ([("s", "1", true), ("i", "4", false)], "2", 5000),
        ] as [([(String, String, Bool)], String, Int128)])
    func `init containers count by their peak, sidecars with everything`(
        inits: [(String, String, Bool)], main: String, expected: Int128
    ) {
        let pod = Self.pod("p", cpu: main) { spec in
            spec.initContainers = inits.map { name, cpu, isSidecar in
                var container = Container(name: name)
                container.resources = ResourceRequirements(requests: Quantity(cpu).map { ["cpu": $0] })
                container.restartPolicy = isSidecar ? "Always" : nil
                return container
            }
        }
        #expect((pod.spec ?? PodSpec()).scheduledRequests["cpu"] == expected)
    }

    @Test(
        arguments: [
            ("In", ["x", "y"], true), ("In", ["z"], false), ("NotIn", ["z"], true), ("Exists", [], true),
            ("DoesNotExist", [], false), ("Gt", ["1"], false),
        ] as [(String, [String], Bool)])
    func `required node affinity is kept`(op: String, values: [String], matches: Bool) {
        let pod = Self.pod("p") { spec in
            let requirement = SelectorRequirement(key: "k", operator: op, values: values)
            spec.affinity = Affinity(
                nodeAffinity: NodeAffinity(
                    required: NodeSelector(nodeSelectorTerms: [
                        NodeSelectorTerm(matchExpressions: [requirement])
                    ])))
        }
        let placement = Self.place(pod, nodes: [Self.node("n", labels: ["k": "x"])])
        #expect((placement == .bind(node: "n")) == matches)
    }

    @Test
    func `a pod waits for its claims`() {
        let pod = Self.pod("p") { $0.volumes = [Volume(name: "v", claim: "data")] }
        var claim = PersistentVolumeClaim(metadata: ObjectMeta(name: "data", namespace: "ns"))
        let nodes = [Self.node("n")]
        #expect(
            Self.place(pod, nodes: nodes)
                == .unschedulable(
                    message: "0/1 nodes are available: persistentvolumeclaim \"data\" not found."))
        #expect(
            Self.place(pod, nodes: nodes, claims: [claim])
                == .unschedulable(
                    message: "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."))
        claim.status = PersistentVolumeClaimStatus(phase: "Bound")
        #expect(Self.place(pod, nodes: nodes, claims: [claim]) == .bind(node: "n"))
    }
}
