import ControllerRuntime
import KubernetesAPI
import Scheduling

/// Answers, from the caches, whether a gang can be placed now.
struct CapacityView: Sendable {
    let nodes: Store<Node>
    let boundPods: Store<Pod>
    let gate: AdmissionGate

    func answer(for gang: GangRequest, uid: String, now: Timestamp) -> GangAnswer {
        gate.admit(uid: uid, gang: gang, now: now) { held in
            ClusterSnapshot(nodes: nodes.list(), pods: boundPods.list(), admitted: held).answer(to: gang)
        }
    }
}
