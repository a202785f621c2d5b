import KubernetesAPI

/// End of a container's process.
public struct Termination: Codable, Hashable, Sendable {
    /// Exit code; 128 + n for signal n.
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

/// State of one container of a pod; written to disk before anything is started.
public struct ContainerRecord: Codable, Hashable, Sendable {
    public enum State: Codable, Hashable, Sendable {
        /// The container was not started, or not again yet.
        case waiting(reason: String, message: String?)
        /// A process was requested; the container's folder shows whether it exists.
        case starting
        case running(since: Timestamp)
        case terminated(Termination)
    }

    public var name: String
    public var state: State
    /// Number of the start, from 0.
    public var attempt: Int64
    /// Failures or ends in a row since the container last ran for ten minutes.
    public var consecutiveEnds: Int
    public var lastTermination: Termination?
    /// Instant before which the container is not started; nil for none.
    public var notBefore: Timestamp?
    /// Whether the container has passed its startup probe or, without one, runs.
    public var hasStarted: Bool
    public var isReady: Bool
    /// Indices of the node's GPUs that the container holds.
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

    /// The end of the newest process, also while the next start is awaited.
    public var termination: Termination? {
        if case .terminated(let termination) = state { return termination }
        return isRunning ? nil : lastTermination
    }

    public var hasSucceeded: Bool {
        if case .terminated(let termination) = state { return termination.exitCode == 0 }
        return false
    }
}
