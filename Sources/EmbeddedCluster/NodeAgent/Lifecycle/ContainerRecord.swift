import KubernetesAPI

/// How a container's process ended.
public struct Termination: Codable, Hashable, Sendable {
    /// 128 + n for signal n.
    public var exitCode: Int64
    /// `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerStatusUnknown`
    public var reason: String
    public var message: String?
    public var startedAt: Timestamp?
    public var finishedAt: Timestamp

    public init(
        exitCode: Int64, reason: String, message: String? = nil, startedAt: Timestamp? = nil,
        finishedAt: Timestamp
    ) {
        self.exitCode = exitCode
        self.reason = reason
        self.message = message
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }
}

/// What the node knows of one container of a pod; written to disk before anything is started.
public struct ContainerRecord: Codable, Hashable, Sendable {
    public enum State: Codable, Hashable, Sendable {
        /// Not started, or not again yet.
        case waiting(reason: String, message: String?)
        /// A process was asked for; whether it came to be is seen in the container's folder.
        case starting
        case running(since: Timestamp)
        case terminated(Termination)
    }

    public var name: String
    public var state: State
    /// 0 for the first start.
    public var attempt: Int64
    /// Failures or ends in a row since the container last ran for ten minutes.
    public var consecutiveEnds: Int
    public var lastTermination: Termination?
    /// A start before this instant is too early.
    public var notBefore: Timestamp?
    /// Past its startup probe, or running where it has none.
    public var hasStarted: Bool
    public var isReady: Bool
    /// The GPUs of the node that were given to it, by index.
    public var gpus: [Int]

    public init(name: String, state: State = .waiting(reason: "ContainerCreating", message: nil)) {
        self.name = name
        self.state = state
        attempt = 0
        consecutiveEnds = 0
        hasStarted = false
        isReady = false
        gpus = []
    }

    public var isRunning: Bool {
        switch state {
        case .starting, .running: true
        case .waiting, .terminated: false
        }
    }

    /// The end of the newest process, also while the next start is waited for.
    public var termination: Termination? {
        if case .terminated(let termination) = state { return termination }
        return isRunning ? nil : lastTermination
    }

    public var hasSucceeded: Bool {
        if case .terminated(let termination) = state { return termination.exitCode == 0 }
        return false
    }
}
