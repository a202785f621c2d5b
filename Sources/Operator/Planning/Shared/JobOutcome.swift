import AnnealAPI
import KubernetesAPI

/// State of a stage's Job.
enum JobOutcome: Hashable, Sendable {
    /// The Job has not ended; carries its pod's state, nil if no pod is there.
    case running(PodOutcome?)
    /// The Job has ended, but its pod's last status has not been seen yet; `seconds` are left to wait for it.
    case settling(seconds: Int64)
    case succeeded(StageReport)
    case failed(AttemptFailure)
}

extension Job {
    func condition(_ type: String) -> JobCondition? {
        status?.conditions?.first { $0.type == type && $0.status == .true }
    }

    var isComplete: Bool { condition("Complete") != nil }
    var isFinished: Bool { isComplete || condition("Failed") != nil }

    /// Whether the Job has not ended, and wants pods.
    public var waitsForPods: Bool { !isFinished && metadata.deletionTimestamp == nil }

    /// State of the Job.
    ///
    /// - Parameters:
    ///   - pods: Its pods, and others, which are left aside.
    ///   - starts: Kubelets' events on the pods' start, by UID.
    func outcome(
        pods: [Pod], starts: [String: StartEvent], now: Timestamp, settings: PlannerSettings
    ) -> JobOutcome {
        let own = pods.filter { $0.metadata.controller?.uid == metadata.uid && metadata.uid != nil }
        if let forgery = forgery(among: own) { return .failed(forgery) }
        let pod = own.first
        let outcome = pod?.outcome(main: "agent", start: pod?.metadata.uid.flatMap { starts[$0] })
        if let complete = condition("Complete") {
            if case .succeeded(let message) = outcome { return report(message) }
            return settled(since: complete.lastTransitionTime ?? status?.completionTime, now, settings)
        }
        if let failed = condition("Failed") {
            if failed.reason == "DeadlineExceeded" {
                return .failed(
                    AttemptFailure(
                        .counted, reason: "DeadlineExceeded",
                        message: "Job \(name) took longer than its limit"))
            }
            if pod?.isFinished == true, case .ended(let failure) = outcome {
                return .failed(softened(failure))
            }
            return settled(since: failed.lastTransitionTime, now, settings)
        }
        if metadata.deletionTimestamp != nil {
            return .failed(
                AttemptFailure(.interrupted, reason: "JobDeleted", message: "Job \(name) was deleted"))
        }
        return .running(outcome)
    }

    /// The sign that somebody else made a pod in the Job's name; nil if there is none. Its controller makes exactly
    /// one, of the Job's template, and a report can be had from any pod.
    private func forgery(among own: [Pod]) -> AttemptFailure? {
        guard own.count <= 1 else {
            let names = own.map(\.name).sorted().joined(separator: ", ")
            return AttemptFailure(
                .interrupted, reason: "UnexpectedPod",
                message: "Job \(name) has pods that it did not ask for: of \(names) one at most is its own")
        }
        guard let pod = own.first, let wanted = spec?.template.spec, let program = pod.spec,
            !program.runsTheProgram(of: wanted)
        else { return nil }
        return AttemptFailure(
            .interrupted, reason: "UnexpectedPod",
            message:
                "Pod \(pod.name) of Job \(name) does not run what the Job asks for: somebody else made it")
    }

    /// The failure, as one that counts if it is `OOMKilled`: the administrator sets the memory of agents, and
    /// another attempt may need less.
    private func softened(_ failure: AttemptFailure) -> AttemptFailure {
        guard failure.reason == "OOMKilled" else { return failure }
        return AttemptFailure(.counted, reason: failure.reason, message: failure.message)
    }

    private func report(_ message: String?) -> JobOutcome {
        guard let report = StageReport(terminationMessage: message), report.reason == StageReport.succeeded
        else {
            return .failed(
                AttemptFailure(
                    .counted, reason: "InvalidReport",
                    message:
                        "Job \(name) succeeded, but left no report of it; use an agent image of this release")
            )
        }
        return .succeeded(report)
    }

    /// Waits a little for the pod's status, which comes on another watch than the Job's; then the pod counts
    /// as lost.
    private func settled(since: Timestamp?, _ now: Timestamp, _ settings: PlannerSettings) -> JobOutcome {
        let left =
            since.map { now.left(of: settings.reportWaitSeconds, since: $0) } ?? 0
        guard left > 0 else {
            return .failed(
                AttemptFailure(.interrupted, reason: "PodLost", message: "The pod of Job \(name) was lost"))
        }
        return .settling(seconds: left)
    }
}

extension PodSpec {
    /// Whether the containers that `wanted` names run the same programs here, on the same configuration. What
    /// admission adds to a pod (sidecars, variables of a cloud's identity) is left aside, but for what changes a
    /// program from outside.
    fileprivate func runsTheProgram(of wanted: PodSpec) -> Bool {
        let pairs = [(wanted.containers, containers), (wanted.initContainers ?? [], initContainers ?? [])]
        return pairs.allSatisfy { expected, found in
            expected.allSatisfy { container in
                found.contains { $0.name == container.name && $0.isProgram(of: container) }
            }
        }
    }
}

extension Container {
    private static let loaderVariables = ["LD_", "PYTHON", "BASH_ENV", "ANNEAL_", "PATH"]

    fileprivate func isProgram(of wanted: Container) -> Bool {
        guard image == wanted.image, command == wanted.command, args == wanted.args,
            lifecycle == wanted.lifecycle,
            workingDir == wanted.workingDir
        else { return false }
        let asked = Set(wanted.env ?? [])
        return (wanted.env ?? []).allSatisfy { env?.contains($0) == true }
            && (env ?? []).allSatisfy { variable in
                asked.contains(variable)
                    || !Self.loaderVariables.contains { variable.name.hasPrefix($0) }
            }
            && (wanted.volumeMounts ?? []).allSatisfy { mount in
                volumeMounts?.contains { $0.mountPath == mount.mountPath && $0.name == mount.name } == true
            }
    }
}
