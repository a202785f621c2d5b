import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Scheduling

/// Asks for admission rounds: one key in a queue, so that however much changes, a few rounds a second follow.
struct AdmissionRounds: Sendable {
    /// The one thing that the scheduler works on.
    enum Key: Hashable, Sendable { case round }

    let queue = WorkQueue<Key>()
    /// Time for which changes are gathered, to be answered together.
    private static let gathering: Duration = .milliseconds(200)

    func ask() { queue.add(.round, after: Self.gathering) }

    /// Asks for a round where a run came to wait, ceased to, or has another admission; progress asks for
    /// nothing.
    func note<Run: ClaimingRun>(_ change: StoreChange<Run>) {
        guard case .updated(let old, let new) = change else { return ask() }
        if old.admissionStanding != new.admissionStanding { ask() }
    }

    /// Asks for a round where a run's pod gave back what it held: the watch of all pods may have told of it
    /// before.
    func note(_ change: StoreChange<Pod>) {
        switch change {
        case .added: break
        case .deleted(let pod): if !pod.isFinished { ask() }
        case .updated(let old, let new): if old.isFinished != new.isFinished { ask() }
        }
    }

    /// Asks for a round where a pod gave back what it held, or was placed.
    func note(_ change: StoreChange<PodFootprint>) {
        switch change {
        case .added: break
        case .deleted: ask()
        case .updated(let old, let new):
            if old.nodeName != new.nodeName || old.isFinished != new.isFinished { ask() }
        }
    }
}
