import AnnealAPI
import KubernetesAPI
import Scheduling

/// State of the attempt that a pod is, as the pod's status says.
enum PodOutcome: Hashable, Sendable {
    /// The pod has no node yet; `since` is the time from which it waits for one, `message` the scheduler's
    /// word on why.
    case unscheduled(since: Timestamp?, message: String?)
    /// The pod's containers can't be started, in words.
    case blocked(reason: String, message: String)
    /// A node took the pod at `since`, and no container has begun: its volumes, its sandbox or its images are
    /// not there.
    case starting(since: Timestamp?, message: String)
    /// The pod is on a node: running or about to end.
    case active
    /// The pod succeeded; carries the main container's termination message.
    case succeeded(String?)
    case ended(AttemptFailure)
}

extension PodOutcome {
    /// Reasons in a status that say that pods are held up, and go when they are not.
    static let blockReasons: Set<String> = [
        "ImagePullFailed", "ContainerConfigurationInvalid", "ContainerStartFailed", "Unschedulable",
        "NotStarted",
    ]
}

/// Nodes that are gone or not ready, by name, and since when.
public struct LostNodes: Hashable, Sendable {
    public var since: [String: Timestamp]

    public init(since: [String: Timestamp] = [:]) { self.since = since }

    /// Seconds until the first of the pods counts as lost with its node; nil while all nodes are well.
    func timeLeft(of pods: some Sequence<Pod>, now: Timestamp, patience: Int64) -> Int64? {
        pods.compactMap { pod in
            pod.spec?.nodeName.flatMap { since[$0] }
                .map { now.left(of: patience, since: $0) }
        }.min()
    }

    /// The failure of a pod whose node is lost, instead of the one that it seems to have; nil if its node is
    /// well. What the infrastructure does counts as no failure of the run, whichever is heard of first.
    ///
    /// - Parameter patience: Seconds for which the node must have been lost.
    func failure(of pod: Pod, now: Timestamp, patience: Int64 = 0, instead failure: AttemptFailure? = nil)
        -> AttemptFailure?
    {
        guard let node = pod.spec?.nodeName, let start = since[node], now.seconds(since: start) >= patience
        else { return nil }
        let seeming = failure.map { "; it seemed: \($0.message)" } ?? ""
        return AttemptFailure(
            .interrupted, reason: "NodeLost",
            message: "Node \(node) of pod \(pod.name) is gone or not ready since \(start)\(seeming)")
    }
}

extension Pod {
    /// Whether the pod is bound to a node, and so holds what it requested.
    var isHolding: Bool { !isFinished && heldSince != nil }

    /// Time at which a node took it; nil while none has.
    var heldSince: Timestamp? {
        let scheduled = status?.conditions?.first { $0.type == "PodScheduled" && $0.status == .true }
        if let bound = scheduled?.lastTransitionTime { return bound }
        if let start = status?.startTime { return start }
        if scheduled != nil { return metadata.creationTimestamp }
        return spec?.nodeName == nil ? nil : metadata.creationTimestamp
    }

    /// Time at which the last container ended; nil if none did.
    var finishedAt: Timestamp? {
        allStatuses.compactMap { $0.state?.terminated?.finishedAt }.max()
    }

    func container(_ name: String) -> ContainerStatus? {
        status?.containerStatuses?.first { $0.name == name }
    }

    private var allStatuses: [ContainerStatus] {
        (status?.initContainerStatuses ?? []) + (status?.containerStatuses ?? [])
    }

    /// State of the pod; `main` is the container whose message is the pod's answer.
    func outcome(main: String) -> PodOutcome {
        if status?.phase == "Succeeded" { return .succeeded(container(main)?.state?.terminated?.message) }
        if status?.phase == "Failed" { return .ended(failure) }
        if let disruption { return .ended(disruption) }
        if heldSince == nil {
            let condition = status?.conditions?.first { $0.type == "PodScheduled" }
            return .unscheduled(
                since: condition?.lastTransitionTime ?? metadata.creationTimestamp,
                message: condition?.message)
        }
        for status in allStatuses {
            if let waiting = status.state?.waiting, let blocked = Self.blocked(status.name, waiting) {
                return blocked
            }
        }
        let hasBegun =
            status?.phase == "Running"
            || allStatuses.contains { $0.state?.running != nil || $0.state?.terminated != nil }
        guard !hasBegun else { return .active }
        let words = allStatuses.lazy.compactMap { $0.state?.waiting?.message }.first.map { ": \($0)" } ?? ""
        return .starting(
            since: heldSince,
            message:
                "Pod \(name) is on node \(spec?.nodeName ?? "-") and no container has begun\(words); what the "
                + "kubelet says of volumes, sandbox and images is in kubectl describe pod \(name)")
    }

    /// Failure of a pod that the cluster takes away; nil if nobody does.
    private var disruption: AttemptFailure? {
        let target = status?.conditions?.first { $0.type == "DisruptionTarget" && $0.status == .true }
        if let target {
            return AttemptFailure(
                .interrupted, reason: target.reason ?? "Disrupted",
                message: "Pod \(name) was disrupted: \(target.message ?? target.reason ?? "no reason given")")
        }
        if let reason = status?.reason,
            Self.infrastructureReasons.contains(reason) || reason.hasPrefix("OutOf")
        {
            return AttemptFailure(
                .interrupted, reason: reason, message: "Pod \(name): \(status?.message ?? reason)")
        }
        guard metadata.deletionTimestamp != nil else { return nil }
        return AttemptFailure(.interrupted, reason: "PodDeleted", message: "Pod \(name) was deleted")
    }

    private var failure: AttemptFailure {
        let sidecars = Set((spec?.initContainers ?? []).filter { $0.restartPolicy == "Always" }.map(\.name))
        let ended = allStatuses.filter { !sidecars.contains($0.name) }
            .compactMap { status in status.state?.terminated.map { (status.name, $0) } }
            .filter { $0.1.exitCode != 0 || $0.1.reason == "OOMKilled" }
        if let (name, _) = ended.first(where: { $0.1.reason == "OOMKilled" }) {
            return AttemptFailure(
                .terminal, reason: "OOMKilled", message: "Container \(name) used more memory than its limit")
        }
        guard let (container, end) = ended.first else {
            return disruption
                ?? AttemptFailure(
                    .interrupted, reason: "PodLost",
                    message:
                        "Pod \(name) failed before its containers did: \(status?.message ?? "no message")")
        }
        let report = StageReport(terminationMessage: end.message)
        if let report, end.exitCode == ExitCode.terminal || report.isRetryable == false {
            return AttemptFailure(.terminal, reason: report.reason, message: report.message ?? report.reason)
        }
        if let disruption { return disruption }
        if end.exitCode == ExitCode.stopped {
            return AttemptFailure(
                .interrupted, reason: "Stopped",
                message: "Container \(container) stopped itself with exit code 75")
        }
        let detail = report?.message ?? end.message ?? end.reason ?? "no message"
        return AttemptFailure(
            .counted, reason: report?.reason ?? "ExitCode\(end.exitCode)",
            message: "Container \(container) ended with exit code \(end.exitCode): \(detail)")
    }

    /// Reasons that a kubelet or the pod garbage collector puts into `status.reason`.
    private static let infrastructureReasons: Set<String> = [
        "Evicted", "Preempting", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "NodeAffinity",
        "UnexpectedAdmissionError", "PodDeleted",
    ]

    private static func blocked(_ container: String, _ waiting: ContainerStateWaiting) -> PodOutcome? {
        switch waiting.reason {
        case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ImageInspectError", "ErrImageNeverPull",
            "RegistryUnavailable", "SignatureValidationFailed":
            .blocked(
                reason: "ImagePullFailed",
                message:
                    "The image of container \(container) can't be pulled: check its name and imagePullSecrets"
                    + (waiting.message.map { ". The kubelet says: \($0)" } ?? "")
            )
        case "CreateContainerConfigError":
            .blocked(
                reason: "ContainerConfigurationInvalid",
                message:
                    "Container \(container) can't be created: \(waiting.message ?? "check the Secrets it names")"
                    + permissionRemedy(waiting.message)
            )
        case "CreateContainerError", "RunContainerError":
            .blocked(
                reason: "ContainerStartFailed",
                message: "Container \(container) can't be started: \(waiting.message ?? "check its command")")
        default: nil
        }
    }

    /// What to do where a Secret does not say that programs may have it; empty for other messages. The kubelet says
    /// `couldn't find key KEY in Secret NAMESPACE/NAME`.
    private static func permissionRemedy(_ message: String?) -> String {
        guard let message, message.contains(SecretKey.allowedInPrograms) else { return "" }
        let words = message.split(separator: " ").drop { $0 != "Secret" }.dropFirst()
        let name = words.first?.split(separator: "/").last.map(String.init) ?? "NAME"
        return
            ". The Secret does not say that programs of runs may have its values; if they may, say so: kubectl patch "
            + "secret \(name) -p '{\"stringData\":{\"\(SecretKey.allowedInPrograms)\":\"true\"}}'"
    }
}

extension StageReport {
    /// Reads a termination message; nil if it is no report.
    init?(terminationMessage: String?) {
        guard let report: StageReport = TerminationMessage.decode(terminationMessage) else { return nil }
        self = report
    }
}

enum TerminationMessage {
    /// The decoded message; nil if there is none, or it is not the JSON that was agreed on.
    static func decode<Report: Decodable>(_ message: String?) -> Report? {
        guard let message, message.utf8.count <= 65_536 else { return nil }
        let json = try? JSONValue(parsing: message)
        return try? json?.decoded(as: Report.self)
    }
}
