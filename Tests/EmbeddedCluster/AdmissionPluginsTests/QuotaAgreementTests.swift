import APIServer
import ClusterControllers
import KubernetesAPI
import Testing

@testable import AdmissionPlugins

/// Admission charges quotas, and the quota controller recalculates them: they must come to the same.
@Suite struct QuotaAgreementTests {
    /// Specs of pods, one a line: best effort, with overhead, with a deadline, of a class, across namespaces.
    private static let pods = [
        #"{"containers":[{"name":"c"}]}"#,
        #"""
        {"overhead":{"cpu":"250m","memory":"64Mi"},"containers":[{"name":"c","resources":
        {"requests":{"cpu":"1","memory":"1Gi"},"limits":{"cpu":"2","memory":"1Gi"}}}],
        "initContainers":[{"name":"i","restartPolicy":"Always","resources":{"requests":{"cpu":"100m"}}}]}
        """#,
        #"""
        {"activeDeadlineSeconds":60,"containers":[{"name":"c","resources":
        {"requests":{"nvidia.com/gpu":"2","cpu":"3"},"limits":{"nvidia.com/gpu":"2"}}}]}
        """#,
        #"""
        {"priorityClassName":"high","resources":{"requests":{"cpu":"5"}},
        "containers":[{"name":"c","resources":{"requests":{"cpu":"1"}}}]}
        """#,
        #"""
        {"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":
        [{"topologyKey":"zone","namespaceSelector":{}}]}},"containers":[{"name":"c"}]}
        """#,
    ]
    private static let services = [
        #"{"type":"NodePort","ports":[{"port":80,"nodePort":30000},{"port":81,"nodePort":30001}]}"#,
        #"{"type":"LoadBalancer","ports":[{"port":80}]}"#,
        #"{"type":"LoadBalancer","allocateLoadBalancerNodePorts":false,"ports":[{"port":80}]}"#,
        #"{"ports":[{"port":80}]}"#,
    ]
    private static let claims = [
        #"{"storageClassName":"fast","resources":{"requests":{"storage":"6Gi"}}}"#,
        #"{"resources":{"requests":{"storage":"512Mi"}}}"#,
    ]
    private static let hard = #"""
        {"pods":"99","count/pods":"99","cpu":"99","requests.cpu":"99","limits.cpu":"99","limits.memory":"99Gi",
        "requests.memory":"99Gi","requests.nvidia.com/gpu":"99","services":"99","services.nodeports":"99",
        "services.loadbalancers":"99","count/services":"99","persistentvolumeclaims":"99",
        "requests.storage":"99Gi","fast.storageclass.storage.k8s.io/requests.storage":"99Gi",
        "count/widgets.example.dev":"99"}
        """#

    private func objects(_ specs: [String], _ prefix: String) -> [JSONValue] {
        specs.enumerated().map { number, spec in
            json(#"{"metadata":{"name":"\#(prefix)\#(number)","namespace":"rec"},"spec":\#(spec)}"#)
        }
    }

    @Test(arguments: [
        "", #","scopes":["BestEffort"]"#, #","scopes":["NotBestEffort"]"#, #","scopes":["Terminating"]"#,
        #","scopes":["NotTerminating","NotBestEffort"]"#, #","scopes":["CrossNamespacePodAffinity"]"#,
        #"""
        ,"scopeSelector":{"matchExpressions":[{"scopeName":"PriorityClass","operator":"In","values":["high"]}]}
        """#,
        #","scopeSelector":{"matchExpressions":[{"scopeName":"PriorityClass","operator":"DoesNotExist"}]}"#,
    ])
    func `admission and the controller count the same`(_ scopes: String) async throws {
        // A quota on CPU or memory would demand requests of every container; this one demands none.
        let limits = json(Self.hard).objectValue ?? [:]
        let names = limits.keys.filter { name in
            !["cpu", "requests.cpu", "limits.cpu", "requests.memory", "limits.memory"].contains(name)
        }
        for demanding in [false, true] {
            let cluster = FakeCluster()
            let plugin = ResourceQuotaAdmission()
            let hard = JSONValue.object(demanding ? limits : limits.filter { names.contains($0.key) })
            cluster.put("resourcequotas", "q", #"{"spec":{"hard":\#(hard.text)\#(scopes)},"status":{}}"#)
            let pods = objects(demanding ? [Self.pods[1]] : Self.pods, "p").map(Self.complete)
            let services = objects(Self.services, "s")
            let claims = objects(Self.claims, "c")
            for (plural, created) in [
                ("pods", pods), ("services", services), ("persistentvolumeclaims", claims),
            ] {
                for object in created { _ = try await plugin.process(admission(plural, object), cluster) }
            }
            let widget = json(#"{"metadata":{"name":"w"}}"#)
            _ = try await plugin.process(admission("widgets", group: "example.dev", widget), cluster)

            let quota = try #require(cluster.stored("resourcequotas", "q"))
            let widgets = ResourceType(
                group: "example.dev", version: "v1", kind: "Widget", plural: "widgets")
            let usage = NamespaceUsage(
                pods: try pods.map { try $0.decoded(as: Pod.self) },
                claims: try claims.map { try $0.decoded(as: PersistentVolumeClaim.self) },
                services: try services.map { try $0.decoded(as: Service.self) },
                objectCounts: [widgets: 1, Pod.resourceType: pods.count])
            let used = usage.used(
                under: try (quota["spec"] ?? .null).decoded(as: ResourceQuotaSpec.self))
            // Admission says nothing of what no object counts; the controller says that it is none.
            let admitted = quota[path: ["status", "used"]]?.objectValue ?? [:]
            #expect(
                used.filter { $0.value.milliunits > 0 || admitted[$0.key] != nil }.mapValues(\.text)
                    == admitted.compactMapValues(\.stringValue))
            #expect(Set(admitted.keys).isSubset(of: used.keys))
        }
    }

    /// A limit of CPU and memory for the sidecar, too, where a quota demands it.
    private static func complete(_ pod: JSONValue) -> JSONValue {
        guard pod[path: ["spec", "initContainers"]] != nil else { return pod }
        var pod = pod
        pod[path: ["spec", "initContainers"]] = [
            [
                "name": "i", "restartPolicy": "Always",
                "resources": [
                    "requests": ["cpu": "100m", "memory": "1Mi"], "limits": ["cpu": "100m", "memory": "1Mi"],
                ],
            ]
        ]
        return pod
    }
}
