import ClusterControllers
import KubernetesAPI
import Testing

@Suite struct ClusterDecisionTests {
    static let now = Timestamp(seconds: 10_000)

    static func node(ready: Condition.Status = .true, taints: [Taint] = []) -> Node {
        var node = Node(metadata: ObjectMeta(name: "n"), spec: NodeSpec(taints: taints))
        node.status = NodeStatus()
        node.status?.conditions = [NodeCondition(type: "Ready", status: ready)]
        return node
    }

    static func lease(age: Int64) -> Lease {
        var lease = Lease(metadata: ObjectMeta(name: "n"), spec: LeaseSpec())
        lease.spec?.renewTime = MicroTime(seconds: now.seconds - age)
        return lease
    }

    @Test
    func `a node that is silent for more than 40 s is unreachable, and is well again after`() {
        #expect(
            NodeHealth(of: Self.node(), lease: Self.lease(age: 40), now: Self.now)
                == NodeHealth(of: Self.node(), lease: Self.lease(age: 0), now: Self.now))
        let lost = NodeHealth(of: Self.node(), lease: Self.lease(age: 41), now: Self.now)
        #expect(lost.readyCondition?.status == .unknown)
        #expect(lost.taints?.map(\.effect) == ["NoSchedule", "NoExecute"])
        #expect(lost.taints?.allSatisfy { $0.key == "node.kubernetes.io/unreachable" } == true)
        let back = NodeHealth(
            of: Self.node(taints: lost.taints ?? []), lease: Self.lease(age: 1), now: Self.now)
        #expect(back.taints == [])
        #expect(back.readyCondition == nil)
    }

    @Test(
        arguments: [
            ([], 0),
            ([Toleration(key: "k", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300)], 300),
        ] as [([Toleration], Int64)])
    func `taints NoExecute move pods off when they stop being tolerated`(
        tolerations: [Toleration], seconds: Int64
    ) {
        var taint = Taint(key: "k", effect: "NoExecute")
        taint.timeAdded = Self.now
        var pod = Pod(metadata: ObjectMeta(name: "p"), spec: PodSpec())
        pod.spec?.tolerations = tolerations
        #expect(
            TaintEviction.deadline(of: pod, taints: [taint], now: Self.now) == Self.now.advanced(by: seconds))
        pod.spec?.tolerations = [Toleration(operator: "Exists")]
        #expect(TaintEviction.deadline(of: pod, taints: [taint], now: Self.now) == nil)
    }

    @Test func `a claim is in use while a pod is there that a node took, ended or not`() {
        let claim = PersistentVolumeClaim(metadata: ObjectMeta(name: "c", namespace: "n"))
        var pod = Pod(metadata: ObjectMeta(name: "p", namespace: "n"), spec: PodSpec())
        pod.spec?.volumes = [Volume(name: "v", claim: "c")]
        #expect(ClaimBinding.isUnused(claim, pods: [pod]))
        pod.spec?.nodeName = "cpu-1"
        pod.status = PodStatus(phase: "Succeeded")
        #expect(!ClaimBinding.isUnused(claim, pods: [pod]))
        pod.metadata.namespace = "other"
        #expect(ClaimBinding.isUnused(claim, pods: [pod]))
    }

    @Test
    func `a claim is provisioned, bound, and marked so, in this order`() {
        var claim = PersistentVolumeClaim(
            metadata: ObjectMeta(name: "c", namespace: "ns"),
            spec: PersistentVolumeClaimSpec(
                accessModes: ["ReadWriteMany"],
                resources: ResourceRequirements(requests: ["storage": Quantity(5)])))
        claim.metadata.uid = "u"
        var standard = StorageClass(
            metadata: ObjectMeta(
                name: "standard", annotations: ["storageclass.kubernetes.io/is-default-class": "true"]),
            provisioner: ClaimBinding.provisioner)
        standard.reclaimPolicy = "Delete"
        func decide(_ volumes: [PersistentVolume]) -> ClaimBinding.Decision {
            ClaimBinding.decide(claim, volumes: volumes, classes: [standard], folder: "/v")
        }
        guard case .provision(let volume) = decide([]) else {
            Issue.record("nothing was provisioned")
            return
        }
        #expect(volume.name == "pvc-u")
        #expect(volume.spec?.hostPath?.path == "/v/pvc-u")
        #expect(decide([volume]) == .bind(volume: volume))
        claim.spec?.volumeName = "pvc-u"
        #expect(decide([volume]) == .markBound(capacity: ["storage": Quantity(5)]))
        claim.status = PersistentVolumeClaimStatus(phase: "Bound")
        #expect(decide([volume]) == .nothing)
        claim.spec?.volumeName = nil
        claim.spec?.storageClassName = "other"
        #expect(decide([]) == .nothing)
    }

    @Test
    func `a headless service publishes its pods by name, the ready ones unless told otherwise`() {
        var pod = Pod(
            metadata: ObjectMeta(name: "p-0", namespace: "ns", labels: ["job": "x"]), spec: PodSpec())
        pod.spec?.hostname = "p-0"
        pod.spec?.subdomain = "svc"
        pod.status = PodStatus(phase: "Running")
        pod.status?.podIP = "127.16.0.1"
        var service = Service(
            metadata: ObjectMeta(name: "svc", namespace: "ns"),
            spec: ServiceSpec(selector: ["job": "x"], clusterIP: "None"))
        let unready = ServiceEndpoints.subsets(of: service, pods: [pod])
        #expect(unready?.first?.notReadyAddresses?.map(\.ip) == ["127.16.0.1"])
        service.spec?.publishNotReadyAddresses = true
        let published = ServiceEndpoints.subsets(of: service, pods: [pod])
        #expect(published?.first?.addresses?.first?.hostname == "p-0")
        service.spec?.selector = nil
        #expect(ServiceEndpoints.subsets(of: service, pods: [pod]) == nil)
    }

    @Test
    func `quotas count living pods, storage and objects`() {
        let living = SchedulingRoundTests.pod("a", gpus: 3, cpu: "500m")
        var ended = SchedulingRoundTests.pod("b", gpus: 1)
        ended.status = PodStatus(phase: "Succeeded")
        let widgets = ResourceType(group: "example.dev", version: "v1", kind: "Widget", plural: "widgets")
        let usage = NamespaceUsage(
            pods: [living, ended], objectCounts: [widgets: 3, Pod.resourceType: 2])
        let hard = Dictionary(
            uniqueKeysWithValues: [
                "requests.nvidia.com/gpu", "count/widgets.example.dev", "pods", "cpu", "count/pods",
            ]
            .map { ($0, Quantity(10)) })
        #expect(
            usage.used(under: ResourceQuotaSpec(hard: hard)) == [
                "requests.nvidia.com/gpu": Quantity(3), "count/widgets.example.dev": Quantity(3),
                "pods": Quantity(1),
                "cpu": Quantity("500m") ?? Quantity(0), "count/pods": Quantity(2),
            ])
    }
}
