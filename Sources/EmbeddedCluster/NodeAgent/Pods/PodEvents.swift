import KubernetesAPI

/// Events about a pod's progress, in the words of the kubelet: a pure comparison of two states.
struct PodEvents: Hashable, Sendable {
    var type: String
    var reason: String
    var note: String

    static func between(_ old: PodState, _ new: PodState) -> [PodEvents] {
        var events: [PodEvents] = []
        if let stop = new.stop, stop != old.stop {
            if let event = event(of: stop) { events.append(event) }
            for container in new.containers where new.records[container.name]?.isRunning == true {
                events.append(
                    PodEvents(type: "Normal", reason: "Killing", note: "Stopping container \(container.name)")
                )
            }
        }
        if let failure = new.volumeFailure, failure != old.volumeFailure {
            events.append(PodEvents(type: "Warning", reason: VolumeFailure.reason, note: failure.note))
        }
        for container in new.containers {
            guard let before = old.records[container.name], let now = new.records[container.name] else {
                continue
            }
            if let event = event(from: before.state, to: now.state, of: now) { events.append(event) }
        }
        return events
    }

    private static func event(of stop: StopReason) -> PodEvents? {
        switch stop {
        case .deleted: nil
        case .deadlineExceeded:
            PodEvents(
                type: "Normal", reason: "DeadlineExceeded",
                note: "Pod was active on the node longer than the specified deadline")
        case .evicted(let message): PodEvents(type: "Warning", reason: "Evicted", note: message)
        case .nodeShutdown:
            PodEvents(type: "Normal", reason: "NodeShutdown", note: PodStatusReport.shutdownMessage)
        case .rejected(let reason, let message): PodEvents(type: "Warning", reason: reason, note: message)
        }
    }

    private static func event(
        from old: ContainerRecord.State, to new: ContainerRecord.State, of record: ContainerRecord
    ) -> PodEvents? {
        guard old != new else { return nil }
        switch new {
        case .running:
            return PodEvents(type: "Normal", reason: "Started", note: "Started container \(record.name)")
        case .waiting("CrashLoopBackOff", let message):
            return PodEvents(type: "Warning", reason: "BackOff", note: message ?? "")
        case .waiting(let reason, let message?):
            return PodEvents(type: "Warning", reason: "Failed", note: "\(reason): \(message)")
        case .terminated(let end) where end.reason == "OOMKilled" || end.reason == "StartError":
            return PodEvents(
                type: "Warning", reason: "Failed",
                note: "Container \(record.name): \(end.reason): \(end.message ?? "exit code \(end.exitCode)")"
            )
        case .waiting, .starting, .terminated: return nil
        }
    }
}
