import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Binds waiting pods to nodes, and writes the reasons if it cannot.
struct SchedulerController: Sendable {
    let client: KubernetesClient
    let pods: Store<Pod>
    let nodes: Store<Node>
    let claims: Store<PersistentVolumeClaim>
    let clock: ControllerClock
    let schedulerName: String
    let events: EventRecorder
    let assumed = AssumedBindings()

    /// Runs one round over all waiting pods.
    func round() async throws -> Reconciliation {
        let all = assumed.apply(to: pods.list())
        var round = SchedulingRound(nodes: nodes.list(), pods: all, claims: claims.list())
        let waiting = SchedulingRound.order(
            all.filter { SchedulingRound.isWaiting($0, schedulerName: schedulerName) })
        for pod in waiting {
            switch round.place(pod) {
            case .bind(let node): try await bind(pod, to: node)
            case .unschedulable(let message): try await mark(pod, message)
            }
        }
        return .done
    }

    private func bind(_ pod: Pod, to node: String) async throws {
        let binding: JSONValue = [
            "apiVersion": "v1", "kind": "Binding",
            "metadata": [
                "name": .string(pod.name), "namespace": .string(pod.namespace),
                "uid": .string(pod.metadata.uid ?? ""),
            ],
            "target": ["apiVersion": "v1", "kind": "Node", "name": .string(node)],
        ]
        let request = Pod.resourceType.create(
            namespace: pod.namespace, body: binding.serialized(), fieldManager: nil,
            subresource: ("binding", pod.name))
        do {
            _ = try await client.send(request)
            assumed.note(pod, node: node)
            await events.record(
                regarding: pod.reference, type: "Normal", reason: "Scheduled", action: "Binding",
                note: "Successfully assigned \(pod.key) to \(node)")
        } catch {
            // The pod was bound or deleted meanwhile; the watch will tell.
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }

    private func mark(_ pod: Pod, _ message: String) async throws {
        let present = pod.status?.conditions?.first { $0.type == "PodScheduled" }
        guard present?.status != .false || present?.message != message else { return }
        let since = present?.status == .false ? present?.lastTransitionTime ?? clock.now : clock.now
        let condition: JSONValue = [
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": .string(message),
            "lastProbeTime": .null, "lastTransitionTime": .string(since.description),
        ]
        let patch: JSONValue = [
            "metadata": ["uid": .string(pod.metadata.uid ?? "")], "status": ["conditions": [condition]],
        ]
        do {
            _ = try await client.patch(Pod.self, pod.key, .strategic(patch), subresource: "status")
            await events.record(
                regarding: pod.reference, type: "Warning", reason: "FailedScheduling", action: "Scheduling",
                note: message)
        } catch {
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }
}
