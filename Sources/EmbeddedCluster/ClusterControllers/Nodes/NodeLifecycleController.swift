import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Scheduling

/// Marks nodes that fell silent, moves pods off tainted nodes, and removes the pods of nodes that are gone.
struct NodeLifecycleController: Sendable {
    let client: KubernetesClient
    let nodes: Store<Node>
    let leases: Store<Lease>
    let pods: Store<Pod>
    let clock: ControllerClock

    /// Time between two checks for silence.
    static let period: Duration = .seconds(5)

    func reconcile(node name: String) async throws -> Reconciliation {
        guard let node = nodes.get(ObjectKey(name: name)) else {
            try await collectPods(ofMissing: name)
            return .done
        }
        let lease = leases.get(ObjectKey(namespace: "kube-node-lease", name: name))
        let health = NodeHealth(of: node, lease: lease, now: clock.now)
        if let condition = health.readyCondition {
            let patch: JSONValue = ["status": ["conditions": [try JSONValue(encoding: condition)]]]
            _ = try await client.patch(Node.self, node.key, .strategic(patch), subresource: "status")
            for pod in pods.byIndex("node", name) where !pod.isFinished { try await markNotReady(pod) }
        }
        if let taints = health.taints {
            let patch: JSONValue = [
                "metadata": ["resourceVersion": .string(node.metadata.resourceVersion ?? "")],
                "spec": ["taints": try JSONValue(encoding: taints)],
            ]
            // The status above may have changed the version: the conflict leads to another reconciliation.
            _ = try await client.patch(Node.self, node.key, .merge(patch))
        }
        try await evict(from: node)
        return Reconciliation(requeueAfter: Self.period)
    }

    private func evict(from node: Node) async throws {
        let taints = node.spec?.taints ?? []
        guard taints.contains(where: { $0.effect == "NoExecute" }) else { return }
        for pod in pods.byIndex("node", node.name) {
            guard let deadline = TaintEviction.deadline(of: pod, taints: taints, now: clock.now),
                deadline <= clock.now
            else { continue }
            try await disrupt(
                pod, reason: "DeletionByTaintManager",
                message: "Taint manager: deleting due to NoExecute taint")
            try await delete(pod, grace: nil)
        }
    }

    private func collectPods(ofMissing name: String) async throws {
        let bound = pods.byIndex("node", name)
        guard !bound.isEmpty else { return }
        // The cache may lag behind.
        guard try await client.find(Node.self, ObjectKey(name: name)) == nil else { return }
        for pod in bound {
            if !pod.isFinished {
                try await disrupt(
                    pod, reason: "DeletionByPodGC", message: "PodGC: node no longer exists", phase: "Failed")
            }
            try await delete(pod, grace: 0)
        }
    }

    private func disrupt(_ pod: Pod, reason: String, message: String, phase: String? = nil) async throws {
        let condition: JSONValue = [
            "type": "DisruptionTarget", "status": "True", "reason": .string(reason),
            "message": .string(message),
            "lastTransitionTime": .string(clock.now.description),
        ]
        var status: JSONValue = ["conditions": [condition]]
        if let phase { status["phase"] = .string(phase) }
        try await patchStatus(pod, status)
    }

    private func markNotReady(_ pod: Pod) async throws {
        guard pod.status?.conditions?.contains(where: { $0.type == "Ready" && $0.status == .true }) == true
        else { return }
        let condition: JSONValue = [
            "type": "Ready", "status": "False", "reason": "NodeStatusUnknown",
            "lastTransitionTime": .string(clock.now.description),
        ]
        try await patchStatus(pod, ["conditions": [condition]])
    }

    private func patchStatus(_ pod: Pod, _ status: JSONValue) async throws {
        let patch: JSONValue = ["metadata": ["uid": .string(pod.metadata.uid ?? "")], "status": status]
        do {
            _ = try await client.patch(Pod.self, pod.key, .strategic(patch), subresource: "status")
        } catch {
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }

    private func delete(_ pod: Pod, grace: Int64?) async throws {
        do {
            try await client.delete(
                Pod.self, pod.key,
                options: DeleteOptions(
                    uid: pod.metadata.uid, propagationPolicy: nil, gracePeriodSeconds: grace))
        } catch {
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }
}
