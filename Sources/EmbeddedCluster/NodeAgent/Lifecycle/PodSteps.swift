import KubernetesAPI

/// Reason to end a pod before its containers end by themselves.
public enum StopReason: Codable, Hashable, Sendable {
    case deleted
    case deadlineExceeded
    /// A limit was passed; the message names it.
    case evicted(String)
    /// The node shuts down gracefully.
    case nodeShutdown
    /// The node refuses to run the pod, for example because of a host path: nothing is started.
    case rejected(reason: String, message: String)
}

/// Next step for a pod.
public enum PodStep: Hashable, Sendable {
    /// Start this container.
    case start(String)
    /// Show that this container waits for its restart.
    case awaitRestart(String)
    /// End this container: preStop, SIGTERM, and SIGKILL when the grace period is over.
    case stop(String)
    /// Every container has ended for good.
    case finish
}

/// Decides a pod's next steps: a pure function of the spec and of the containers' records.
public struct PodSituation: Sendable {
    public var spec: PodSpec
    public var records: [String: ContainerRecord]
    public var stop: StopReason?
    public var now: Timestamp

    public init(spec: PodSpec, records: [String: ContainerRecord], stop: StopReason?, now: Timestamp) {
        self.spec = spec
        self.records = records
        self.stop = stop
        self.now = now
    }

    public func steps() -> [PodStep] {
        if stop != nil { return ending() }
        switch initialization() {
        case .proceed(let sidecarSteps):
            if mainContainersEnded { return ending() }
            return sidecarSteps + spec.containers.flatMap { restartSteps($0, policy: restartPolicy) }
        case .wait(let steps): return steps
        case .failed: return ending()
        }
    }

    /// Whether an init container failed and will not be started again.
    public var initializationFailed: Bool {
        restartPolicy == "Never"
            && initContainers.contains { container in
                guard !container.isSidecar, case .terminated(let end) = record(container).state else {
                    return false
                }
                return end.exitCode != 0
            }
    }

    /// Whether every main container ended and none starts again.
    public var mainContainersEnded: Bool {
        spec.containers.allSatisfy { container in
            guard case .terminated(let end) = record(container).state else { return false }
            return !restarts(after: end, policy: restartPolicy)
        }
    }

    private enum Initialization {
        case proceed([PodStep])
        case wait([PodStep])
        case failed
    }

    private var restartPolicy: String { spec.restartPolicy ?? "Always" }
    private var initContainers: [Container] { spec.initContainers ?? [] }

    private func record(_ container: Container) -> ContainerRecord {
        records[container.name] ?? ContainerRecord(name: container.name)
    }

    private func restarts(after end: Termination, policy: String) -> Bool {
        switch policy {
        case "Never": false
        case "OnFailure": end.exitCode != 0
        default: true
        }
    }

    /// Init containers one after the other. A sidecar lets the next one go once it has started, and is kept
    /// running from then on.
    private func initialization() -> Initialization {
        if initializationFailed { return .failed }
        let mainStarted = spec.containers.contains {
            let record = self.record($0)
            return record.attempt > 0 || record.isRunning || record.termination != nil
        }
        var steps: [PodStep] = []
        for container in initContainers {
            let record = self.record(container)
            if container.isSidecar {
                steps += restartSteps(container, policy: "Always")
                if !record.hasStarted, !mainStarted { return .wait(steps) }
            } else if !record.hasSucceeded, !mainStarted {
                return .wait(steps + restartSteps(container, policy: "OnFailure"))
            }
        }
        return .proceed(steps)
    }

    private func restartSteps(_ container: Container, policy: String) -> [PodStep] {
        let record = self.record(container)
        switch record.state {
        case .starting, .running: return []
        case .terminated(let end):
            guard restarts(after: end, policy: policy) else { return [] }
            return isDue(record) ? [.start(container.name)] : [.awaitRestart(container.name)]
        case .waiting: return isDue(record) ? [.start(container.name)] : []
        }
    }

    private func isDue(_ record: ContainerRecord) -> Bool { record.notBefore.map { $0 <= now } ?? true }

    /// Stops for the main containers first, then for the sidecars in reverse order, one at a time.
    private func ending() -> [PodStep] {
        let sidecars = initContainers.filter(\.isSidecar)
        let others = initContainers.filter { !$0.isSidecar } + spec.containers
        let running = others.filter { record($0).isRunning }
        if !running.isEmpty { return running.map { .stop($0.name) } }
        if let last = sidecars.last(where: { record($0).isRunning }) { return [.stop(last.name)] }
        return [.finish]
    }
}

extension Container {
    /// Whether this init container is a native sidecar.
    public var isSidecar: Bool { restartPolicy == "Always" }
}
