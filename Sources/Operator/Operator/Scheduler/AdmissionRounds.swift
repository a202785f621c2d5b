import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning
import Scheduling

/// Asks for admission rounds: one key in a queue, so that however much changes, a few rounds a second follow.
struct AdmissionRounds: Sendable {
    /// The one thing that the scheduler works on.
    enum Key: Hashable, Sendable { case round }

    let queue = WorkQueue<Key>()
    /// Changes of this long are answered together.
    private static let gathering: Duration = .milliseconds(200)

    func ask() { queue.add(.round, after: Self.gathering) }

    /// Asks where a run came to wait, ceased to, or has another admission; progress asks for nothing.
    func note<Run: AdmittedRun>(_ change: StoreChange<Run>) {
        guard case .updated(let old, let new) = change else { return ask() }
        if old.admissionStanding != new.admissionStanding { ask() }
    }

    /// Asks where a pod gave back what it held, or was placed.
    func note(_ change: StoreChange<PodFootprint>) {
        switch change {
        case .added: break
        case .deleted: ask()
        case .updated(let old, let new):
            if old.nodeName != new.nodeName || old.isFinished != new.isFinished { ask() }
        }
    }
}

/// All of a run on which its place in the queue depends, but for its pods.
struct AdmissionStanding: Hashable {
    var phase: String?
    var admission: Admission?
    var suspend: Bool
    var stops: Bool
    var isDeleted: Bool
}

/// A kind whose runs wait for an admission to GPUs.
protocol AdmittedRun: StatefulRun where RunStatus: AdmittedStatus {
    var runPolicy: RunPolicy? { get }
    /// Whether the run waits in the queue for an admission.
    var isQueued: Bool { get }
}

extension TrainingJob: AdmittedRun {
    var runPolicy: RunPolicy? { spec.runPolicy }
    var isQueued: Bool { status?.phase == .queued }
}

extension EvalRun: AdmittedRun {
    var runPolicy: RunPolicy? { spec.runPolicy }
    var isQueued: Bool { status?.phase == .queued }
}

extension AdmittedRun {
    /// Whether the scheduler has to look at the run.
    var hasWorkload: Bool { isQueued || status?.admission != nil }

    var admissionStanding: AdmissionStanding {
        AdmissionStanding(
            phase: status?.phaseName, admission: status?.admission, suspend: runPolicy?.suspend == true,
            stops: runPolicy?.stop != nil, isDeleted: metadata.deletionTimestamp != nil)
    }
}
