import KubernetesAPI
import Scheduling
import Testing

@Suite struct NodeDemandsTests {
    static let gpuTaint = Taint(key: "nvidia.com/gpu", value: "present", effect: "NoSchedule")

    @Test(
        arguments: [
            ("In", ["x", "y"], "x", true), ("In", ["y"], "x", false), ("In", ["x"], nil, false),
            ("NotIn", ["y"], "x", true), ("NotIn", ["x"], "x", false), ("NotIn", ["x"], nil, true),
            ("Exists", [], "", true), ("Exists", [], nil, false), ("DoesNotExist", [], nil, true),
            ("DoesNotExist", [], "x", false), ("Gt", ["3"], "4", true), ("Gt", ["4"], "4", false),
            ("Gt", ["3"], "many", false), ("Lt", ["4"], "-3", true), ("Lt", ["4", "5"], "3", false),
            ("Lt", [], "3", false), ("Equals", ["x"], "x", false),
        ] as [(String, [String], String?, Bool)])
    func `a requirement matches`(_ op: String, _ values: [String], _ value: String?, _ matches: Bool) {
        #expect(SelectorRequirement(key: "k", operator: op, values: values).matches(value) == matches)
    }

    @Test func `a label selector wants all of its conditions, and an empty one none`() {
        #expect(LabelSelector().matches([:]))
        var selector = LabelSelector(matchLabels: ["app": "web"])
        selector.matchExpressions = [SelectorRequirement(key: "gone", operator: "DoesNotExist")]
        #expect(selector.matches(["app": "web", "tier": "2"]))
        #expect(!selector.matches(["app": "web", "gone": ""]))
        #expect(!selector.matches(["app": "db"]))
    }

    private static func term(_ expressions: [SelectorRequirement]?, fields: [SelectorRequirement]? = nil)
        -> NodeSelectorTerm
    {
        NodeSelectorTerm(matchExpressions: expressions, matchFields: fields)
    }

    @Test func `terms of a node selector are alternatives, and one without conditions matches nothing`() {
        let zone = SelectorRequirement(key: "zone", operator: "In", values: ["x"])
        let named = SelectorRequirement(key: "metadata.name", operator: "In", values: ["n"])
        let other = SelectorRequirement(key: "spec.unschedulable", operator: "Exists")
        func matches(_ terms: [NodeSelectorTerm]) -> Bool {
            NodeSelector(nodeSelectorTerms: terms).matches(labels: ["zone": "y"], name: "n")
        }
        #expect(!matches([]))
        #expect(!matches([Self.term([])]))
        #expect(!matches([Self.term([zone])]))
        #expect(matches([Self.term(nil, fields: [named])]))
        #expect(!matches([Self.term([zone], fields: [named])]))
        #expect(matches([Self.term([zone]), Self.term([], fields: [named])]))
        #expect(!matches([Self.term(nil, fields: [other])]))
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var demands: NodeDemands
        var taints: [Taint] = []
        var isCordoned = false
        var expected: NodeDemands.Exclusion?
    }

    @Test(arguments: [
        Case(testDescription: "an open node", demands: NodeDemands(nodeSelector: ["zone": "x"])),
        Case(
            testDescription: "a cordoned node", demands: NodeDemands(), isCordoned: true,
            expected: .unschedulable),
        Case(
            testDescription: "a cordoned node that is tolerated",
            demands: NodeDemands(tolerations: [
                Toleration(key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule")
            ]), isCordoned: true),
        Case(
            testDescription: "a taint", demands: NodeDemands(), taints: [gpuTaint], expected: .taint(gpuTaint)
        ),
        Case(
            testDescription: "a taint that is tolerated",
            demands: NodeDemands(tolerations: [Toleration(key: "nvidia.com/gpu", operator: "Exists")]),
            taints: [gpuTaint]),
        Case(
            testDescription: "a taint that only asks", demands: NodeDemands(),
            taints: [Taint(key: "k", effect: "PreferNoSchedule")]),
        Case(
            testDescription: "a taint NoExecute", demands: NodeDemands(),
            taints: [Taint(key: "k", effect: "NoExecute")],
            expected: .taint(Taint(key: "k", effect: "NoExecute"))),
        Case(
            testDescription: "a label with another value", demands: NodeDemands(nodeSelector: ["zone": "y"]),
            expected: .label(key: "zone", value: "y")),
        Case(
            testDescription: "an affinity",
            demands: NodeDemands(
                affinity: NodeSelector(nodeSelectorTerms: [
                    term([SelectorRequirement(key: "zone", operator: "NotIn", values: ["x"])])
                ])), expected: .affinity),
        Case(
            testDescription: "a taint is named before a label",
            demands: NodeDemands(nodeSelector: ["zone": "y"]), taints: [gpuTaint], expected: .taint(gpuTaint)),
    ])
    func `a node is closed or open to a pod`(_ example: Case) {
        var node = Node(
            metadata: ObjectMeta(name: "n", labels: ["zone": "x"]), spec: NodeSpec(taints: example.taints))
        node.spec?.unschedulable = example.isCordoned
        #expect(example.demands.exclusion(from: node) == example.expected)
    }

    @Test func `a pod's own form is read whole`() {
        var spec = PodSpec()
        spec.nodeSelector = ["zone": "x"]
        spec.tolerations = [Toleration(operator: "Exists")]
        let selector = NodeSelector(nodeSelectorTerms: [])
        spec.affinity = Affinity(nodeAffinity: NodeAffinity(required: selector))
        #expect(
            NodeDemands(spec)
                == NodeDemands(
                    nodeSelector: ["zone": "x"], affinity: selector,
                    tolerations: [Toleration(operator: "Exists")]))
    }
}
