import KubernetesAPI

/// A pod's status as a pure function of its containers' records.
public struct PodStatusReport: Sendable {
    public var pod: Pod
    public var records: [String: ContainerRecord]
    public var stop: StopReason?
    /// Whether every container has ended for good.
    public var isFinished: Bool
    public var podIP: String
    public var hostIP: String
    public var startTime: Timestamp
    public var now: Timestamp
    /// Whether volumes are missing, without which there is no sandbox.
    public var lacksVolumes: Bool

    public init(
        pod: Pod, records: [String: ContainerRecord], stop: StopReason?, isFinished: Bool, podIP: String,
        hostIP: String, startTime: Timestamp, now: Timestamp, lacksVolumes: Bool = false
    ) {
        self.pod = pod
        self.records = records
        self.stop = stop
        self.isFinished = isFinished
        self.podIP = podIP
        self.hostIP = hostIP
        self.startTime = startTime
        self.now = now
        self.lacksVolumes = lacksVolumes
    }

    public func status() -> PodStatus {
        let phase = self.phase()
        var status = PodStatus(phase: phase)
        status.hostIP = hostIP
        status.podIP = podIP
        status.podIPs = [PodIP(ip: podIP)]
        status.startTime = startTime
        status.qosClass = pod.status?.qosClass
        let inits = pod.spec?.initContainers ?? []
        if !inits.isEmpty { status.initContainerStatuses = inits.map { containerStatus($0, phase: phase) } }
        status.containerStatuses = (pod.spec?.containers ?? []).map { containerStatus($0, phase: phase) }
        (status.reason, status.message) = reason()
        status.conditions = conditions(phase: phase)
        return status
    }

    static let shutdownMessage = "Pod was terminated in response to imminent node shutdown."

    /// The phase, as the kubelet's `getPhase` finds it.
    func phase() -> String {
        switch stop {
        case .deadlineExceeded?, .evicted?, .nodeShutdown?, .rejected?: if isFinished { return "Failed" }
        case .deleted?:
            if isFinished { return mains.allSatisfy(\.hasSucceeded) ? "Succeeded" : "Failed" }
        case nil: break
        }
        let situation = PodSituation(spec: spec, records: records, stop: stop, now: now)
        if situation.initializationFailed { return "Failed" }
        if !isInitialized { return "Pending" }
        if mains.contains(where: { $0.termination == nil && !$0.isRunning }) { return "Pending" }
        let sidecarsRun = sidecars.contains(where: \.isRunning)
        if situation.mainContainersEnded, !sidecarsRun {
            return mains.allSatisfy(\.hasSucceeded) ? "Succeeded" : "Failed"
        }
        return "Running"
    }

    private var spec: PodSpec { pod.spec ?? PodSpec() }
    private var mains: [ContainerRecord] { spec.containers.map(record) }
    private var sidecars: [ContainerRecord] { (spec.initContainers ?? []).filter(\.isSidecar).map(record) }

    private func record(_ container: Container) -> ContainerRecord {
        records[container.name] ?? ContainerRecord(name: container.name)
    }

    private var incompleteInits: [String] {
        (spec.initContainers ?? []).filter { container in
            container.isSidecar ? !record(container).hasStarted : !record(container).hasSucceeded
        }.map(\.name)
    }

    private var isInitialized: Bool {
        incompleteInits.isEmpty || mains.contains { $0.isRunning || $0.termination != nil }
    }

    private func reason() -> (String?, String?) {
        switch stop {
        case .deadlineExceeded?:
            ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
        case .evicted(let message)?: ("Evicted", message)
        case .nodeShutdown?: ("Terminated", Self.shutdownMessage)
        case .rejected(let reason, let message)?: (reason, message)
        case .deleted?, nil: (nil, nil)
        }
    }

    private func containerStatus(_ container: Container, phase: String) -> ContainerStatus {
        let record = self.record(container)
        var status = ContainerStatus(name: container.name, state: state(of: record))
        status.lastState =
            record.isRunning || record.state.isWaiting
            ? record.lastTermination.map { ContainerState(terminated: $0.status) } : nil
        status.lastState = status.lastState ?? ContainerState()
        status.ready = isReady(container, record)
        status.started = record.isRunning && record.hasStarted
        status.restartCount = record.attempt
        status.image = container.image ?? ""
        status.imageID =
            record.isRunning || record.termination != nil ? "anneal://\(container.image ?? "")" : ""
        return status
    }

    private func isReady(_ container: Container, _ record: ContainerRecord) -> Bool {
        let isPlainInit =
            (spec.initContainers ?? []).contains { $0.name == container.name } && !container.isSidecar
        return isPlainInit ? record.hasSucceeded : record.isRunning && record.isReady
    }

    private func state(of record: ContainerRecord) -> ContainerState {
        switch record.state {
        case .waiting(let reason, let message):
            let waitsForInits = reason == "ContainerCreating" && !isInitialized
            return ContainerState(
                waiting: ContainerStateWaiting(
                    reason: waitsForInits && !(spec.initContainers ?? []).isEmpty
                        ? "PodInitializing" : reason,
                    message: message))
        case .starting: return ContainerState(waiting: ContainerStateWaiting(reason: "ContainerCreating"))
        case .running(let since): return ContainerState(running: ContainerStateRunning(startedAt: since))
        case .terminated(let termination): return ContainerState(terminated: termination.status)
        }
    }

    private func conditions(phase: String) -> [PodCondition] {
        let unready =
            (spec.initContainers ?? []).filter { $0.isSidecar && !isReady($0, record($0)) }.map(\.name)
            + spec.containers.filter { !isReady($0, record($0)) }.map(\.name)
        let terminal = phase == "Succeeded" ? "PodCompleted" : phase == "Failed" ? "PodFailed" : nil
        let allReady = unready.isEmpty && terminal == nil
        let readiness = (
            terminal ?? "ContainersNotReady",
            terminal == nil ? "containers with unready status: [\(unready.joined(separator: " "))]" : nil
        )
        var conditions = [
            condition("PodReadyToStartContainers", terminal == nil && !lacksVolumes),
            condition(
                "Initialized", isInitialized,
                isInitialized ? (phase == "Succeeded" ? "PodCompleted" : nil) : "ContainersNotInitialized",
                isInitialized
                    ? nil : "containers with incomplete status: [\(incompleteInits.joined(separator: " "))]"),
            condition("Ready", allReady, allReady ? nil : readiness.0, allReady ? nil : readiness.1),
            condition(
                "ContainersReady", allReady, allReady ? nil : readiness.0, allReady ? nil : readiness.1),
            condition("PodScheduled", true),
        ]
        switch stop {
        case .evicted(let message)?:
            conditions.append(condition("DisruptionTarget", true, "TerminationByKubelet", message))
        case .nodeShutdown?:
            conditions.append(
                condition("DisruptionTarget", true, "TerminationByKubelet", Self.shutdownMessage))
        case .deleted?, .deadlineExceeded?, .rejected?, nil: break
        }
        return conditions
    }

    /// A condition; its transition time stays if its status does.
    private func condition(
        _ type: String, _ holds: Bool, _ reason: String? = nil, _ message: String? = nil
    ) -> PodCondition {
        let status: Condition.Status = holds ? .true : .false
        let previous = pod.status?.conditions?.first { $0.type == type }
        return PodCondition(
            type: type, status: status, reason: reason, message: message,
            lastTransitionTime: previous?.status == status ? previous?.lastTransitionTime ?? now : now)
    }
}

extension ContainerRecord.State {
    var isWaiting: Bool { if case .waiting = self { true } else { false } }
}

extension Termination {
    /// The end in the form of a container's status.
    public var status: ContainerStateTerminated {
        ContainerStateTerminated(
            exitCode: exitCode, reason: reason, message: message, startedAt: startedAt, finishedAt: finishedAt
        )
    }
}
