import KubernetesAPI
import Testing

@testable import Operator

@Suite struct CapacityReductionTests {
    @Test func `a node's heartbeat is no change`() {
        func node(heartbeat: Int64) -> Node {
            var node = Node(metadata: ObjectMeta(name: "n", labels: ["zone": "a"]))
            var status = NodeStatus()
            status.allocatable = ["nvidia.com/gpu": Quantity(2)]
            status.conditions = [
                NodeCondition(
                    type: "Ready", status: .true, lastHeartbeatTime: Timestamp(seconds: heartbeat)),
                NodeCondition(type: "DiskPressure", status: .false),
            ]
            node.status = status
            return node
        }
        let reduced = CapacityReduction.node(node(heartbeat: 1))
        #expect(reduced == CapacityReduction.node(node(heartbeat: 2)))
        #expect(reduced.status?.allocatable == ["nvidia.com/gpu": Quantity(2)])
        #expect(reduced.status?.conditions?.map(\.type) == ["Ready"])
        #expect(reduced.metadata.labels == ["zone": "a"])
    }

    @Test func `a reduced pod keeps its resources and its node`() {
        var container = Container(name: "c", image: "i", command: ["x"])
        container.resources = ResourceRequirements(requests: ["cpu": Quantity(1)])
        container.env = [EnvVar(name: "A", value: "b")]
        var pod = Pod(metadata: ObjectMeta(name: "p", namespace: "n", annotations: ["big": "text"]))
        pod.spec = PodSpec(containers: [container])
        pod.spec?.nodeName = "node"
        pod.status = PodStatus(phase: "Running")

        let reduced = CapacityReduction.pod(pod)
        #expect(reduced.spec?.nodeName == "node")
        #expect(reduced.spec?.containers.first?.resources == container.resources)
        #expect(reduced.spec?.containers.first?.env == nil)
        #expect(reduced.metadata.annotations == nil)
        #expect(reduced.status?.phase == "Running")
    }
}
