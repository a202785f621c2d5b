import KubernetesAPI
import Scheduling
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

    @Test func `a pod of others is kept as what placing needs of it, pending ones too`() throws {
        let text = #"""
            {"metadata":{"name":"p","namespace":"n","uid":"u","resourceVersion":"7","labels":{"a":"b"},
              "annotations":{"big":"text"}},
             "spec":{"nodeSelector":{"zone":"a"},"tolerations":[{"operator":"Exists"}],
              "overhead":{"cpu":"100m"},
              "affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":
                {"nodeSelectorTerms":[{"matchExpressions":[{"key":"gpu","operator":"Exists"}]}]}}},
              "containers":[{"name":"c","image":"i","env":[{"name":"A","value":"b"}],
                "resources":{"requests":{"cpu":"1"},"limits":{"nvidia.com/gpu":"2"}}}]},
             "status":{"phase":"Pending"}}
            """#
        let pod = try JSONValue(parsing: text).decoded(as: PodFootprint.self)
        #expect(pod.shape.requests == ["cpu": 1100, "nvidia.com/gpu": 2000, "pods": 1000])
        #expect(pod.shape.demands.nodeSelector == ["zone": "a"])
        #expect(pod.shape.demands.affinity?.nodeSelectorTerms.count == 1)
        #expect(pod.shape.demands.tolerations.count == 1)
        #expect(pod.nodeName == nil && !pod.isFinished && pod.metadata.uid == "u")
        #expect(pod.metadata.labels == nil && pod.metadata.annotations == nil)
        #expect(pod == PodFootprint(try JSONValue(parsing: text).decoded(as: Pod.self)))
        let shapes = PodShapes()
        #expect(
            shapes.interned(pod).shape
                === shapes.interned(PodFootprint(try JSONValue(parsing: text).decoded(as: Pod.self))).shape)
    }
}
