import KubernetesAPI
import Scheduling
import Testing

@Suite struct QuotaUsageTests {
    static func pod(_ requests: [String: String], change: (inout Pod) -> Void = { _ in }) -> Pod {
        var pod = Pod(
            metadata: ObjectMeta(name: "p"),
            spec: PodSpec(containers: [PodResourcesTests.container("c", requests)]))
        change(&pod)
        return pod
    }

    static func service(_ type: String?, ports: [Int64?], allocates: Bool? = nil) -> Service {
        var service = Service(metadata: ObjectMeta(name: "s"), spec: ServiceSpec())
        service.spec?.type = type
        service.spec?.ports = ports.map { nodePort in
            var port = ServicePort(port: 80)
            port.nodePort = nodePort
            return port
        }
        service.spec?.allocateLoadBalancerNodePorts = allocates
        return service
    }

    static let claim = PersistentVolumeClaim(
        metadata: ObjectMeta(name: "w"),
        spec: PersistentVolumeClaimSpec(
            accessModes: nil, storageClassName: "fast",
            resources: ResourceRequirements(requests: ["storage": Quantity("6Gi") ?? Quantity(0)])))

    static let job = ResourceType(group: "batch", version: "v1", kind: "Job", plural: "jobs")
    static let secret = ResourceType(version: "v1", kind: "Secret", plural: "secrets")

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var usage: QuotaUsage
        var listed: String
    }

    @Test(arguments: [
        Case(
            testDescription: "a pod by its requests, limits and overhead",
            usage: QuotaUsage(
                pod(["cpu": "500m", "memory": "1Gi"]) { pod in
                    pod.spec?.containers[0].resources?.limits = ["cpu": Quantity(1)]
                    pod.spec?.overhead = ["cpu": Quantity(1)]
                }),
            listed:
                "count/pods=1,cpu=1500m,limits.cpu=2,memory=1Gi,pods=1,requests.cpu=1500m,requests.memory=1Gi"
        ),
        Case(
            testDescription: "devices as requests only, huge pages under both names",
            usage: QuotaUsage(
                pod([
                    "nvidia.com/gpu": "4", "hugepages-2Mi": "2Mi", "kubernetes.io/batch-cpu": "1",
                    "attachable-volumes": "1",
                ])),
            listed:
                "count/pods=1,hugepages-2Mi=2Mi,pods=1,requests.hugepages-2Mi=2Mi,requests.nvidia.com/gpu=4"),
        Case(
            testDescription: "a pod that has ended as an object only",
            usage: QuotaUsage(pod(["cpu": "1"]) { $0.status = PodStatus(phase: "Failed") }),
            listed: "count/pods=1"),
        Case(
            testDescription: "a service inside of the cluster",
            usage: QuotaUsage(service(nil, ports: [nil, nil])), listed: "count/services=1,services=1"),
        Case(
            testDescription: "a service on ports of the nodes",
            usage: QuotaUsage(service("NodePort", ports: [30000, 30001])),
            listed: "count/services=1,services=1,services.nodeports=2"),
        Case(
            testDescription: "a load balancer",
            usage: QuotaUsage(service("LoadBalancer", ports: [nil, nil])),
            listed: "count/services=1,services=1,services.loadbalancers=1,services.nodeports=2"),
        Case(
            testDescription: "a load balancer that takes no ports of the nodes but one",
            usage: QuotaUsage(service("LoadBalancer", ports: [nil, 30000], allocates: false)),
            listed: "count/services=1,services=1,services.loadbalancers=1,services.nodeports=1"),
        Case(
            testDescription: "a claim, and under its class",
            usage: QuotaUsage(claim),
            listed: "count/persistentvolumeclaims=1,"
                + "fast.storageclass.storage.k8s.io/persistentvolumeclaims=1,"
                + "fast.storageclass.storage.k8s.io/requests.storage=6Gi,persistentvolumeclaims=1,"
                + "requests.storage=6Gi"),
        Case(
            testDescription: "a Secret under both of its names",
            usage: QuotaUsage(secret, .other), listed: "count/secrets=1,secrets=1"),
        Case(
            testDescription: "an object of a group", usage: QuotaUsage(job, .other),
            listed: "count/jobs.batch=1"),
    ])
    func `quotas count`(_ example: Case) {
        #expect(example.usage.amounts.listed == example.listed)
    }

    @Test(
        arguments: [
            ("BestEffort", "Exists", [], false), ("NotBestEffort", "Exists", [], true),
            ("Terminating", "Exists", [], true), ("NotTerminating", "Exists", [], false),
            ("CrossNamespacePodAffinity", "Exists", [], true), ("PriorityClass", "Exists", [], true),
            ("PriorityClass", "DoesNotExist", [], false), ("PriorityClass", "In", ["high"], true),
            ("PriorityClass", "In", ["low"], false), ("PriorityClass", "NotIn", ["high"], false),
            ("Unheard", "Exists", [], false),
        ] as [(String, String, [String], Bool)])
    func `a scope chooses pods`(_ scope: String, _ op: String, _ values: [String], _ matches: Bool) {
        let usage = QuotaUsage(
            Self.pod(["cpu": "1"]) { pod in
                pod.spec?.activeDeadlineSeconds = 0
                pod.spec?.priorityClassName = "high"
                var term = PodAffinityTerm(topologyKey: "zone")
                term.namespaces = ["other"]
                pod.spec?.affinity = Affinity()
                pod.spec?.affinity?.podAntiAffinity = PodAffinity(
                    preferred: [WeightedPodAffinityTerm(weight: 1, podAffinityTerm: term)])
            })
        let selector = ScopeSelector(matchExpressions: [
            ScopedRequirement(scopeName: scope, operator: op, values: values)
        ])
        #expect(usage.fallsUnder(ResourceQuotaSpec(scopeSelector: selector)) == matches)
        if op == "Exists" { #expect(usage.fallsUnder(ResourceQuotaSpec(scopes: [scope])) == matches) }
    }

    @Test func `a plain pod is of the opposite scopes`() {
        let usage = QuotaUsage(Self.pod([:]))
        for scope in ["BestEffort", "NotTerminating"] {
            #expect(usage.fallsUnder(ResourceQuotaSpec(scopes: [scope])))
        }
        for scope in ["NotBestEffort", "Terminating", "PriorityClass", "CrossNamespacePodAffinity"] {
            #expect(!usage.fallsUnder(ResourceQuotaSpec(scopes: [scope])))
        }
        let notHigh = ScopedRequirement(scopeName: "PriorityClass", operator: "NotIn", values: ["high"])
        let quota = ResourceQuotaSpec(scopeSelector: ScopeSelector(matchExpressions: [notHigh]))
        #expect(usage.fallsUnder(quota))
    }

    @Test func `a quota with scopes is about pods only, and one without about everything`() {
        for usage in [QuotaUsage(Self.claim), QuotaUsage(Self.job, .other)] {
            #expect(!usage.fallsUnder(ResourceQuotaSpec(scopes: ["NotTerminating"])))
            #expect(usage.fallsUnder(ResourceQuotaSpec()))
        }
    }
}
