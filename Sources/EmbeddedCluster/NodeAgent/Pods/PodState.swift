import FoundationEssentials
import KubernetesAPI

/// State of a pod that survives a restart of the agent.
struct PodState: Codable, Hashable, Sendable {
    var pod: Pod
    var records: [String: ContainerRecord]
    var address: String
    var startTime: Timestamp
    var stop: StopReason?
    /// The newest failure to bring the pod's volumes; nil once they are there.
    var volumeFailure: VolumeFailure?
    /// Whether every container has ended for good.
    var isFinished: Bool

    var uid: String { pod.metadata.uid ?? "" }
    var spec: PodSpec { pod.spec ?? PodSpec() }
    var containers: [Container] { (spec.initContainers ?? []) + spec.containers }

    func container(_ name: String) -> Container? { containers.first { $0.name == name } }
}

/// Paths of a pod's files.
struct PodFolder: Sendable {
    let path: String

    var stateFile: String { "\(path)/pod.json" }
    var etc: String { "\(path)/etc" }

    func volume(_ name: String) -> String { "\(path)/volumes/\(name)" }

    func process(_ container: String, attempt: Int64) -> ContainerProcess {
        ContainerProcess(folder: "\(path)/containers/\(container)/\(attempt)")
    }

    func save(_ state: PodState) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try JSONEncoder().encode(state).write(to: URL(filePath: stateFile), options: .atomic)
    }

    func load() throws -> PodState {
        try JSONDecoder().decode(PodState.self, from: Data(contentsOf: URL(filePath: stateFile)))
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
