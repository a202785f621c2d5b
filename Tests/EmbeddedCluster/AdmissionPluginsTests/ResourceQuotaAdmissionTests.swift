import APIServer
import KubernetesAPI
import Testing

@testable import AdmissionPlugins

@Suite("Resource quotas")
struct ResourceQuotaAdmissionTests {
    private let cluster = FakeCluster()
    private let plugin = ResourceQuotaAdmission()

    private func gpuPod(_ name: String, _ count: Int) -> JSONValue {
        json(
            #"""
            {"metadata":{"name":"\#(name)","namespace":"rec"},"spec":{"containers":[{"name":"c","resources":
            {"limits":{"nvidia.com/gpu":"\#(count)"},"requests":{"nvidia.com/gpu":"\#(count)"}}}]}}
            """#)
    }

    private func used(_ quota: String = "q") -> JSONValue? {
        cluster.stored("resourcequotas", quota)?[path: ["status", "used"]]
    }

    @Test
    func `a quota admits, refuses and counts as recorded`() async throws {
        cluster.put(
            "resourcequotas", "q",
            #"""
            {"spec":{"hard":{"requests.nvidia.com/gpu":"4","count/widgets.example.dev":"6","pods":"20"}},
            "status":{"hard":{"requests.nvidia.com/gpu":"4","count/widgets.example.dev":"6","pods":"20"},
            "used":{"count/widgets.example.dev":"3","pods":"2","requests.nvidia.com/gpu":"0"}}}
            """#)
        _ = try await plugin.process(admission("pods", gpuPod("gpu1", 3)), cluster)
        #expect(
            used() == ["count/widgets.example.dev": "3", "pods": "3", "requests.nvidia.com/gpu": "3"])
        let quota = cluster.stored("resourcequotas", "q")
        #expect(
            quota?[path: ["metadata", "managedFields"]]?[0]?["fieldsV1"] == [
                "f:status": ["f:used": ["f:pods": [:], "f:requests.nvidia.com/gpu": [:]]]
            ])
        let status = await plugin.refusal(of: admission("pods", gpuPod("gpu2", 2)), cluster)
        #expect(
            status
                == Status(
                    message: "pods \"gpu2\" is forbidden: exceeded quota: q, requested: "
                        + "requests.nvidia.com/gpu=2, used: requests.nvidia.com/gpu=3, limited: "
                        + "requests.nvidia.com/gpu=4", reason: "Forbidden",
                    details: StatusDetails(name: "gpu2", kind: "pods"), code: 403))
        #expect(used()?["requests.nvidia.com/gpu"] == "3")
    }

    @Test
    func `custom resources are counted`() async throws {
        cluster.put(
            "resourcequotas", "q", #"{"spec":{"hard":{"count/widgets.example.dev":"2"}},"status":{}}"#)
        cluster.put("widgets", group: "example.dev", "old", "{}")
        let widget = json(#"{"metadata":{"name":"new"}}"#)
        _ = try await plugin.process(admission("widgets", group: "example.dev", widget), cluster)
        #expect(used() == ["count/widgets.example.dev": "2"])
        let status = await plugin.refusal(of: admission("widgets", group: "example.dev", widget), cluster)
        #expect(
            status?.message == "widgets.example.dev \"new\" is forbidden: exceeded quota: q, requested: "
                + "count/widgets.example.dev=1, used: count/widgets.example.dev=2, limited: "
                + "count/widgets.example.dev=2")
    }

    @Test
    func `usage that a new quota's status doesn't show yet is counted; pods that ended use nothing`()
        async throws
    {
        cluster.put("resourcequotas", "q", #"{"spec":{"hard":{"requests.nvidia.com/gpu":"4"}},"status":{}}"#)
        cluster.put("pods", "a", gpuPod("a", 2).text)
        var ended = gpuPod("b", 2)
        ended["status"] = ["phase": "Succeeded"]
        cluster.put("pods", "b", ended.text)
        _ = try await plugin.process(admission("pods", gpuPod("c", 2)), cluster)
        #expect(used() == ["requests.nvidia.com/gpu": "4"])
        #expect(cluster.stored("resourcequotas", "q")?[path: ["status", "hard"]] != nil)
        #expect(await plugin.refusal(of: admission("pods", gpuPod("d", 1)), cluster) != nil)
    }

    @Test
    func `any number of requests at once stays within the quota`() async {
        cluster.put(
            "resourcequotas", "q",
            #"{"spec":{"hard":{"requests.nvidia.com/gpu":"7","pods":"100"}},"status":{}}"#)
        let admitted = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<24 {
                group.addTask {
                    await plugin.refusal(of: admission("pods", gpuPod("p\(number)", 2)), cluster) == nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(admitted == 3)
        #expect(used()?["requests.nvidia.com/gpu"] == "6")
    }

    @Test
    func `an admitted object counts before it is stored, whatever a recalculation says meanwhile`()
        async throws
    {
        let quota =
            #"{"spec":{"hard":{"requests.nvidia.com/gpu":"4"}},"status":{"used":{"requests.nvidia.com/gpu":"0"}}}"#
        cluster.put("resourcequotas", "q", quota)
        _ = try await plugin.process(admission("pods", gpuPod("a", 3)), cluster)
        cluster.put("resourcequotas", "q", quota)
        let status = await plugin.refusal(of: admission("pods", gpuPod("b", 2)), cluster)
        #expect(status?.message?.contains("used: requests.nvidia.com/gpu=3") == true)
        // Once it is stored it counts once.
        cluster.put("pods", "a", gpuPod("a", 3).text)
        _ = try await plugin.process(admission("pods", gpuPod("c", 1)), cluster)
        #expect(used() == ["requests.nvidia.com/gpu": "4"])
    }

    @Test
    func `a request that a second quota refuses leaves nothing pending`() async throws {
        cluster.put("resourcequotas", "a", #"{"spec":{"hard":{"pods":"1"}},"status":{}}"#)
        cluster.put("resourcequotas", "b", #"{"spec":{"hard":{"requests.nvidia.com/gpu":"1"}},"status":{}}"#)
        #expect(await plugin.refusal(of: admission("pods", gpuPod("x", 2)), cluster) != nil)
        _ = try await plugin.process(admission("pods", gpuPod("y", 1)), cluster)
    }

    @Test
    func `a charge that collides is repeated`() async throws {
        cluster.put("resourcequotas", "q", #"{"spec":{"hard":{"pods":"5"}},"status":{}}"#)
        cluster.failNextStatusUpdates(3)
        _ = try await plugin.process(admission("pods", gpuPod("a", 1)), cluster)
        #expect(used() == ["pods": "1"])
    }

    @Test
    func `a dry run is checked and not charged`() async throws {
        cluster.put("resourcequotas", "q", #"{"spec":{"hard":{"pods":"0"}},"status":{}}"#)
        let status = await plugin.refusal(of: admission("pods", gpuPod("a", 1), isDryRun: true), cluster)
        #expect(status?.code == 403)
        cluster.put("resourcequotas", "q", #"{"spec":{"hard":{"pods":"5"}},"status":{}}"#)
        _ = try await plugin.process(admission("pods", gpuPod("a", 1), isDryRun: true), cluster)
        #expect(used() == nil)
    }

    @Test
    func `every container must name compute that a quota limits`() async {
        cluster.put(
            "resourcequotas", "q", #"{"spec":{"hard":{"limits.memory":"4Gi","cpu":"2"}},"status":{}}"#)
        let status = await plugin.refusal(
            of: admission(
                "pods",
                pod(#"{"containers":[{"name":"b"},{"name":"a","resources":{"requests":{"cpu":"1"}}}]}"#)),
            cluster)
        #expect(
            status?.message
                == "pods \"p\" is forbidden: failed quota: q: must specify cpu for: b; limits.memory for: a,b"
        )
    }

    @Test
    func `one quota that refuses charges no other`() async {
        cluster.put("resourcequotas", "a", #"{"spec":{"hard":{"pods":"5"}},"status":{}}"#)
        cluster.put("resourcequotas", "b", #"{"spec":{"hard":{"pods":"0"}},"status":{}}"#)
        #expect(await plugin.refusal(of: admission("pods", gpuPod("x", 1)), cluster) != nil)
        #expect(used("a") == nil)
    }

    @Test
    func `a claim that grows is charged for the difference`() async throws {
        func claim(_ size: String) -> JSONValue {
            json(
                #"{"metadata":{"name":"w"},"spec":{"resources":{"requests":{"storage":"\#(size)"}}}}"#)
        }
        cluster.put(
            "resourcequotas", "q",
            #"{"spec":{"hard":{"requests.storage":"10Gi"}},"status":{"used":{"requests.storage":"4Gi"}}}"#)
        _ = try await plugin.process(
            admission(.update, "persistentvolumeclaims", claim("6Gi"), old: claim("4Gi")), cluster)
        #expect(used() == ["requests.storage": "6Gi"])
        #expect(
            await plugin.refusal(
                of: admission(.update, "persistentvolumeclaims", claim("11Gi"), old: claim("6Gi")), cluster)
                != nil)
    }
}
