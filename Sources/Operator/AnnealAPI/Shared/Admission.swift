import KubernetesAPI

/// A run's admission to GPUs: written by the scheduler alone, and read by the run's planner.
///
/// It is what holds the room for pods that do not exist yet. Nothing about it lives in a process, so that
/// neither a crash nor another leader loses or doubles it.
public struct Admission: Codable, Hashable, Sendable {
    /// The attempt that was let in; from 1. It speaks of no other.
    public var attempt: Int
    /// Pods that may exist at once.
    public var pods: Int
    /// GPUs of all these pods together.
    public var gpus: Int64
    /// When the attempt was let in.
    public var admittedAt: Timestamp
    /// The scheduler's process that let it in.
    public var admittedBy: String
    /// The wish to have the GPUs back; absent while there is none.
    public var revoked: Revocation?

    /// An admission that nobody wants back.
    public init(attempt: Int, pods: Int, gpus: Int64, admittedAt: Timestamp, admittedBy: String) {
        self.attempt = attempt
        self.pods = pods
        self.gpus = gpus
        self.admittedAt = admittedAt
        self.admittedBy = admittedBy
    }
}

/// The scheduler's wish to have a run's GPUs back. The run saves a checkpoint and gives them back.
public struct Revocation: Codable, Hashable, Sendable {
    /// Cause of a revocation, which decides what follows.
    public enum Reason: String, Codable, Hashable, Sendable, CaseIterable {
        /// Another run goes first: the run queues again.
        case preempted = "Preempted"
        /// The budget is used up: the run is suspended until the scheduler takes the admission away.
        case budgetExhausted = "BudgetExhausted"
    }

    /// Cause of the wish: Preempted queues the run again, BudgetExhausted suspends it.
    public var reason: Reason
    /// For people.
    public var message: String
    /// When the wish was made.
    public var revokedAt: Timestamp

    /// A wish with its cause.
    public init(reason: Reason, message: String, revokedAt: Timestamp) {
        self.reason = reason
        self.message = message
        self.revokedAt = revokedAt
    }
}

/// The wish of a run's parent that it stops for good.
public struct StopRequest: Codable, Hashable, Sendable {
    /// CamelCase: why the run stops.
    public var reason: String
    /// For people. Nil: the reason says it all.
    public var message: String?

    /// A wish with its cause.
    public init(reason: String, message: String? = nil) {
        self.reason = reason
        self.message = message
    }
}

/// GPU time of one pod, from its bind to its end.
public struct PodUsage: Codable, Hashable, Sendable {
    /// Name of the pod.
    public var pod: String
    /// UID of the pod.
    public var uid: String
    /// GPUs that the pod holds.
    public var gpus: Int
    /// Time at which a node took the pod.
    public var boundAt: Timestamp
    /// Time at which the pod ended, from which on gpuSeconds has its time. Nil until then.
    public var endedAt: Timestamp?

    /// Usage of a pod that has not ended.
    public init(pod: String, uid: String, gpus: Int, boundAt: Timestamp) {
        self.pod = pod
        self.uid = uid
        self.gpus = gpus
        self.boundAt = boundAt
    }
}
