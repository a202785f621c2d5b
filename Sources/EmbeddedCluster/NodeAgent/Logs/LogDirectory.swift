import KubernetesAPI
import Synchronization

/// Paths of a container's output.
struct ContainerLogs: Hashable, Sendable {
    var current: String
    var previous: String?
    var isRunning: Bool
}

/// The logs of all pods of a node, for the log server.
public final class LogDirectory: Sendable {
    private struct Entry {
        var uid: String
        var containers: [String]
        var logs: [String: ContainerLogs]
    }

    private let pods = Mutex<[ObjectKey: Entry]>([:])

    public init() {}

    func set(_ logs: [String: ContainerLogs], of pod: Pod, containers: [String]) {
        pods.withLock { $0[pod.key] = Entry(uid: pod.metadata.uid ?? "", containers: containers, logs: logs) }
    }

    func remove(_ pod: Pod) {
        pods.withLock { pods in
            if pods[pod.key]?.uid == pod.metadata.uid { pods[pod.key] = nil }
        }
    }

    enum Answer: Hashable, Sendable {
        case logs(ContainerLogs)
        case noPod
        case noContainer
        case notStarted
    }

    func find(_ pod: ObjectKey, container: String) -> Answer {
        pods.withLock { pods in
            guard let entry = pods[pod] else { return .noPod }
            guard entry.containers.contains(container) else { return .noContainer }
            return entry.logs[container].map(Answer.logs) ?? .notStarted
        }
    }
}
