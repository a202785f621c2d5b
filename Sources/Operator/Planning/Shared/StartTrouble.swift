import AnnealAPI
import KubernetesAPI

/// Cause for which a pod that a node took has not started, and what cures it.
struct StartTrouble: Hashable, Sendable {
    enum Cure: Hashable, Sendable {
        /// Nothing but a change by somebody: another node would meet the same.
        case person
        /// Another node, or another time.
        case otherNode
        /// Patience: an image is being pulled.
        case time
    }

    /// Cause, one word in CamelCase.
    var reason: String
    /// Cause and remedy, for people.
    var message: String
    /// Time at which the node took the pod.
    var since: Timestamp?
    /// Node that took the pod; nil if it is not known.
    var node: String?
    var cure: Cure
    /// Whether somebody has said what it is.
    var isKnown = true
    /// Whether the words only say that something goes on, and the ones before say more.
    var isRepetition = false
}

extension Pod {
    /// What keeps the pod from starting, as its status and the kubelet's event say; nil if a container has begun and
    /// none is refused.
    func startTrouble(_ event: StartEvent?) -> StartTrouble? {
        for status in allStatuses {
            if let waiting = status.state?.waiting, let trouble = refusal(of: status.name, waiting, event) {
                return trouble
            }
        }
        guard !hasBegun else { return nil }
        let place = "Pod \(name) is on node \(spec?.nodeName ?? "-") and no container has begun"
        guard let event else {
            let words =
                allStatuses.lazy.compactMap { $0.state?.waiting?.message }.first.map { ": \($0)" } ?? ""
            return trouble(
                "NotStarted",
                "\(place)\(words); what the kubelet says of volumes, sandbox and images is in kubectl describe "
                    + "pod \(name)", .otherNode, isKnown: false)
        }
        let said = "The kubelet says: \(event.reason): \(Wording.bounded(event.note, to: 600))"
        if event.isPulling { return trouble("ImagePulling", "\(place) yet. \(said)", .time, isKnown: false) }
        let reason = event.step == nil ? "NotStarted" : event.reason
        if event.step == .volumes, let missing = Self.missingObject(event.note) {
            return trouble(
                reason, "\(place): make \(missing) that is missing, or correct its name. \(said)", .person)
        }
        return trouble(reason, "\(place). \(said)", .otherNode)
    }

    /// Whether the node took the pod, and no container of it has begun.
    public var waitsToStart: Bool {
        isHolding && metadata.deletionTimestamp == nil && (!hasBegun || hasRefusal)
    }

    /// Seconds since a node took the pod; nil while none has.
    public func secondsHeld(_ now: Timestamp) -> Int64? {
        heldSince.map { max(0, now.seconds(since: $0)) }
    }

    private var hasRefusal: Bool {
        allStatuses.contains { status in
            status.state?.waiting.map { refusal(of: status.name, $0, nil) != nil } ?? false
        }
    }

    private var hasBegun: Bool {
        status?.phase == "Running"
            || allStatuses.contains { $0.state?.running != nil || $0.state?.terminated != nil }
    }

    private func trouble(
        _ reason: String, _ message: String, _ cure: StartTrouble.Cure, isKnown: Bool = true,
        isRepetition: Bool = false
    ) -> StartTrouble {
        StartTrouble(
            reason: reason, message: message, since: heldSince, node: spec?.nodeName, cure: cure,
            isKnown: isKnown, isRepetition: isRepetition)
    }

    /// Object of the namespace that a volume is made of and that is not there; nil if the words name none.
    private static func missingObject(_ words: String) -> String? {
        let words = words.lowercased()
        if words.contains("non-existent secret key") { return "the key of the Secret" }
        if words.contains("non-existent config key") { return "the key of the ConfigMap" }
        guard words.contains("not found") else { return nil }
        let kinds = [
            ("persistentvolumeclaim", "the PersistentVolumeClaim"), ("configmap", "the ConfigMap"),
            ("serviceaccount", "the ServiceAccount"), ("secret", "the Secret"),
        ]
        return kinds.first { words.contains("\($0.0) \"") || words.contains("\($0.0)s \"") }?.1
    }

    /// What a container's status says against its start; nil if it says nothing against it.
    private func refusal(
        of container: String, _ waiting: ContainerStateWaiting, _ event: StartEvent?
    ) -> StartTrouble? {
        switch waiting.reason {
        case "ImagePullBackOff":
            let words = event?.step == .image && event?.reason != "BackOff" ? event?.note : nil
            return imageRefusal(container, words ?? waiting.message, isRepetition: words == nil)
        case "ErrImagePull", "InvalidImageName", "ImageInspectError", "ErrImageNeverPull",
            "RegistryUnavailable", "SignatureValidationFailed":
            return imageRefusal(container, waiting.message, isRepetition: false)
        case "CreateContainerConfigError":
            return trouble(
                "ContainerConfigurationInvalid",
                "Container \(container) can't be created: \(waiting.message ?? "check the Secrets it names")"
                    + Self.permissionRemedy(waiting.message), .person)
        case "CreateContainerError", "RunContainerError":
            let words = waiting.message ?? "check its command"
            return trouble(
                "ContainerStartFailed", "Container \(container) can't be started: \(words)",
                Self.isOfNode(words) ? .otherNode : .person)
        default: return nil
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

    private func imageRefusal(_ container: String, _ words: String?, isRepetition: Bool) -> StartTrouble {
        let said = words.map { ". The kubelet says: \(Wording.bounded($0, to: 600))" } ?? ""
        return trouble(
            "ImagePullFailed",
            "The image of container \(container) can't be pulled: check its name and imagePullSecrets\(said)",
            Self.isOfNode(words ?? "") ? .otherNode : .person, isRepetition: isRepetition)
    }

    /// Whether a runtime's words speak of the node, or of a registry that does not answer for a while, rather than of
    /// the image or the command.
    private static func isOfNode(_ words: String) -> Bool {
        let words = words.lowercased()
        return passingTroubles.contains { words.contains($0) }
    }

    /// Words of containerd, CRI-O, registries and NVIDIA's container runtime.
    private static let passingTroubles = [
        "timeout", "timed out", "deadline exceeded", "connection refused", "connection reset", "no such host",
        "server misbehaving", "temporary failure", "network is unreachable", "no route to host",
        "toomanyrequests", "too many requests", "500 internal server error", "502 bad gateway",
        "503 service unavailable", "504 gateway", "no space left on device", "unexpected eof",
        "failed to reserve container name", "nvidia-container-cli", "nvml", "failed to create shim",
        "failed to start shim", "transport is closing", "cannot allocate memory",
    ]
}

extension Job {
    /// What keeps the Job from having a pod, as its controller's event says.
    ///
    /// - Parameter serviceAccount: That of agents' pods.
    func startTrouble(_ event: StartEvent?, serviceAccount: String) -> StartTrouble {
        let said =
            event.map { ". The Job controller says: \($0.reason): \(Wording.bounded($0.note, to: 600))" }
            ?? ": a quota or a policy refuses it, or service account '\(serviceAccount)' is missing in namespace "
            + "\(namespace); see kubectl -n \(namespace) describe job \(name)"
        return StartTrouble(
            reason: event?.reason ?? "NotStarted", message: "Job \(name) has no pod\(said)",
            since: metadata.creationTimestamp, cure: .person, isKnown: event != nil)
    }
}

extension RunDraft {
    /// Shows in the status what keeps a Job from having a pod. Room in a quota comes by itself; the Job's own limit is
    /// the only one.
    mutating func show(_ trouble: StartTrouble, launchedAt: Timestamp) {
        let waited = max(0, now.seconds(since: trouble.since ?? launchedAt))
        wakeForEvents(waited)
        let isSilent = !trouble.isKnown && waited < settings.silentWaitSeconds
        guard !isSilent else { return wake(after: settings.silentWaitSeconds - waited) }
        show(trouble, subject: "")
    }

    /// Shows in the status what keeps a pod from starting.
    ///
    /// - Parameters:
    ///   - launchedAt: Time at which the pod was first seen.
    ///   - subject: What the pod is for, before the words in the status; empty for nothing.
    ///   - patience: Seconds for an image to be pulled.
    /// - Returns: The failure that follows once the time for a start is over; nil before.
    mutating func failure(
        of trouble: StartTrouble, launchedAt: Timestamp, subject: String = "", patience: Int64
    ) -> AttemptFailure? {
        let waited = max(0, now.seconds(since: trouble.since ?? launchedAt))
        let limit =
            trouble.cure == .time ? max(patience, settings.startFailureSeconds) : settings.startFailureSeconds
        guard waited < limit else {
            return AttemptFailure(
                trouble.cure == .person ? .terminal : .interrupted, reason: trouble.reason,
                message: "\(trouble.message) (not started for \(limit) seconds)")
        }
        wake(after: limit - waited)
        wakeForEvents(waited)
        guard trouble.isKnown || waited >= settings.silentWaitSeconds else {
            wake(after: settings.silentWaitSeconds - waited)
            return nil
        }
        show(trouble, subject: subject)
        return nil
    }

    /// Plans again when the events of what does not start are to be read, and read again.
    private mutating func wakeForEvents(_ waited: Int64) {
        let pause = settings.startEventSeconds
        wake(after: waited < pause ? pause - waited : pause)
    }

    /// Words that say the same as the ones before do not take their place.
    private mutating func show(_ trouble: StartTrouble, subject: String) {
        let message = Wording.bounded(subject + trouble.message)
        status.reason = trouble.reason
        let before = observedStatus?.reason == trouble.reason ? observedStatus?.message : nil
        if let before, before.hasPrefix(subject),
            trouble.isRepetition || Wording.steady(before) == Wording.steady(message)
        {
            status.message = before
        } else {
            status.message = message
        }
    }
}
