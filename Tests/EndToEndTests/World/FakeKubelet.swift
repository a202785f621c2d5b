import AnnealAPI
import Foundation
import HTTPTransport
import KubernetesAPI
import KubernetesClient

/// Reports on pods as a kubelet does, without running them: each starts and succeeds, with the report of an
/// agent or a trainer. So a run takes seconds, and faults meet all of its transitions.
struct FakeKubelet: Sendable {
    let client: KubernetesClient
    let namespace: String
    /// Whether a pod is never begun.
    var leavesAlone: @Sendable (Pod) -> Bool = { _ in false }
    /// Extended resources of the node, by name.
    var devices = Self.plenty

    static let node = "paper"
    /// More GPUs than any test asks for.
    static let plenty: [String: Int64] = ["nvidia.com/gpu": 10_000]

    /// A node with room for all, on which nothing runs; the others take nothing more.
    static func prepare(
        _ cluster: Cluster, _ client: KubernetesClient, devices: [String: Int64] = Self.plenty
    ) async throws {
        for name in try await cluster.kubectl("get", "nodes", "-o", "name").split(separator: "\n") {
            try await cluster.kubectl("cordon", String(name))
        }
        let node: JSONValue = ["apiVersion": "v1", "kind": "Node", "metadata": ["name": .string(Self.node)]]
        try await cluster.kubectl("apply", "-f", "-", input: node.serialized())
        try await report(client, devices)
    }

    /// The node's signs of life: its status, and the Lease that the cluster's controllers look at.
    private static func report(_ client: KubernetesClient, _ devices: [String: Int64]) async throws {
        let now = JSONValue.string(Timestamp(seconds: Int64(Date().timeIntervalSince1970)).description)
        let renewed = MicroTime(seconds: Int64(Date().timeIntervalSince1970)).description
        let key = ObjectKey(namespace: "kube-node-lease", name: node)
        let lease: JSONValue = [
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": ["name": .string(key.name), "namespace": .string(key.namespace)],
            "spec": [
                "holderIdentity": .string(node), "leaseDurationSeconds": 40, "renewTime": .string(renewed),
            ],
        ]
        _ = try await client.patch(Lease.self, key, .apply(lease, fieldManager: node, force: true))
        var room: JSONValue = ["cpu": "4000", "memory": "64Ti", "pods": "100000"]
        for (name, count) in devices { room[name] = .string("\(count)") }
        let status: JSONValue = [
            "capacity": room, "allocatable": room,
            "conditions": [
                [
                    "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "on paper",
                    "lastHeartbeatTime": now, "lastTransitionTime": now,
                ]
            ],
        ]
        _ = try await client.patch(
            Node.self, ObjectKey(namespace: "", name: node), .merge(["status": status]), subresource: "status"
        )
    }

    /// Works until the task is cancelled; waits for a server that is away.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Self.report(client, devices)
                    try? await Task.sleep(for: .seconds(3))
                }
            }
            var pass = 0
            while !Task.isCancelled {
                // Of pods that have ended, nothing but their deletion is left to do.
                try? await reportOnAll(withEnded: pass.isMultiple(of: 10))
                pass += 1
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private func reportOnAll(withEnded: Bool) async throws {
        let selector = "\(Anneal.Label.managedBy)=\(Anneal.Label.managedByValue)"
        var options = ListOptions(labelSelector: selector)
        if !withEnded { options.fieldSelector = "status.phase!=Succeeded,status.phase!=Failed" }
        for item in try await client.listLeniently(Pod.self, namespace: namespace, options: options).items {
            guard case .object(let pod) = item, !leavesAlone(pod) else { continue }
            try? await report(on: pod)
        }
    }

    private func report(on pod: Pod) async throws {
        if pod.metadata.deletionTimestamp != nil {
            var options = DeleteOptions(uid: pod.metadata.uid)
            options.gracePeriodSeconds = 0
            try await client.delete(Pod.self, pod.key, options: options)
            return
        }
        let now = JSONValue.string(Timestamp(seconds: Int64(Date().timeIntervalSince1970)).description)
        let container = JSONValue.string(pod.spec?.containers.first?.name ?? "main")
        let status: JSONValue
        switch pod.status?.phase {
        case "Pending", nil:
            status = [
                "phase": "Running", "startTime": now,
                "containerStatuses": [["name": container, "state": ["running": ["startedAt": now]]]],
            ]
        case "Running":
            let end: JSONValue = [
                "exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now,
                "message": .string(try message(of: pod)),
            ]
            status = [
                "phase": "Succeeded",
                "containerStatuses": [["name": container, "state": ["terminated": end]]],
            ]
        default: return
        }
        let patch: JSONValue = ["status": status.completed]
        _ = try await client.patch(Pod.self, pod.key, .merge(patch), subresource: "status")
    }

    /// The termination message of a stage that succeeded.
    private func message(of pod: Pod) throws -> String {
        let digest = String(repeating: "ab", count: 32)
        let uid = pod.metadata.labels?[Anneal.Label.runUID] ?? ""
        let root = ArtifactLayout.root(artifacts: FixtureInputs.artifacts, uid: uid)
        var report = StageReport(reason: StageReport.succeeded)
        switch pod.metadata.labels?[Anneal.Label.stage] {
        case "validate", "preprocess":
            report.dataset = DatasetSummary()
            report.dataset?.sha256 = digest
            report.dataset?.records = 100
        case "upload": report.output = ModelReference(storageUri: root + "/model", manifestSha256: digest)
        case "register": report.registeredModel = RegisteredModel(name: "assistant", version: "1")
        case "train": return #"{"initialEvalLoss":2.5,"finalEvalLoss":1.25,"steps":100}"#
        case "evaluate": return #"{"metrics":{"perplexity":3.5}}"#
        default: break
        }
        return try JSONValue(encoding: report).text
    }
}

extension JSONValue {
    /// The status with the further members of a container's status that a real API server demands.
    fileprivate var completed: JSONValue {
        guard let container = self["containerStatuses"]?[0] else { return self }
        var whole = self
        var status = container
        status["image"] = "fixture/trainer:1"
        status["imageID"] = "paper"
        status["ready"] = .bool(self["phase"]?.stringValue == "Running")
        status["restartCount"] = 0
        whole["containerStatuses"] = [status]
        return whole
    }
}
