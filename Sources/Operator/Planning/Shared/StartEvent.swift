import KubernetesAPI

/// The event that tells best why a pod that a node took has not started. A pod's status has no word on its volumes
/// and its sandbox: kubelets and the attach-detach controller tell of them by events alone.
public struct StartEvent: Hashable, Sendable {
    /// Part of a pod's start that an event speaks of, in the order in which they come.
    enum Step: Int, Hashable, Sendable {
        case volumes, sandbox, image
    }

    /// CamelCase word of the reporter, such as FailedMount.
    public var reason: String
    /// Text of the reporter.
    public var note: String
    /// Whether it is the image that is being pulled, without a failure so far.
    public var isPulling: Bool

    public init(reason: String, note: String, isPulling: Bool = false) {
        self.reason = reason
        self.note = note
        self.isPulling = isPulling
    }

    /// Step that the event speaks of; nil if it is none of a pod's start.
    var step: Step? { Self.steps[reason] }

    /// Seconds before the newest warning within which another is still of today: a kubelet tries a volume again
    /// after two minutes at most.
    private static let currency: Int64 = 150

    /// Word of the Job controller for a pod that is refused.
    static let refusedPod = "FailedCreate"

    /// Warnings of a start, as kubelets of release 1.36 name them.
    static let steps: [String: Step] = [
        "FailedAttachVolume": .volumes, "FailedMount": .volumes, "FailedMapVolume": .volumes,
        "FileSystemResizeFailed": .volumes, "VolumeResizeFailed": .volumes,
        "FailedCreatePodSandBox": .sandbox, "NetworkNotReady": .sandbox,
        "FailedPrepareDynamicResources": .sandbox, "FailedCreatePodContainer": .sandbox,
        "Failed": .image, "BackOff": .image, "InspectFailed": .image, "ErrImageNeverPull": .image,
    ]

    /// Steps that are over once an event of that reason has come.
    private static let progress: [String: Set<Step>] = [
        "SuccessfulAttachVolume": [], "Pulling": [.volumes, .sandbox],
        "Pulled": [.volumes, .sandbox, .image], "Created": [.volumes, .sandbox, .image],
        "Started": [.volumes, .sandbox, .image],
    ]

    /// Warnings that are of no start, or are told elsewhere.
    private static let others: Set<String> = [
        "FailedScheduling", "DNSConfigForming", "MissingClusterDNS", "NodeNotReady", "TaintManagerEviction",
        "FailedKillPod", "Unhealthy", "FailedToRetrieveImagePullSecret", "FailedPreStopHook",
    ]

    /// The event among those of a pod that says best what keeps it; nil if none says anything.
    ///
    /// Of warnings that are of today the oldest is taken, so that two that alternate give one text. What comes of a
    /// step says more than the kubelet's summary that volumes are missing, and both say more than a warning that is
    /// not known here.
    ///
    /// - Parameter uid: UID of the pod.
    public static func telling(among events: [Event], of uid: String) -> StartEvent? {
        let own = events.filter { $0.regarding?.uid == uid && !uid.isEmpty }
        let warnings = grouped(own.filter { $0.type == "Warning" && !others.contains($0.reason ?? "") })
            .filter { !isOver($0, own) }
        let best = warnings.map(\.rank).min()
        let candidates = warnings.filter { $0.rank == best }
        let newest = candidates.map(\.last.seconds).max() ?? 0
        let chosen = candidates.filter { newest.addingClamped(-$0.last.seconds) <= currency }
            .min { ($0.first.seconds, $0.event.reason) < ($1.first.seconds, $1.event.reason) }
        if let chosen { return chosen.event }
        let last = own.filter { $0.type == "Normal" && progress[$0.reason ?? ""] != nil }
            .max { $0.lastSeen.seconds < $1.lastSeen.seconds }
        guard let last, last.reason == "Pulling" else { return nil }
        return StartEvent(reason: "Pulling", note: last.note ?? "", isPulling: true)
    }

    /// Repetitions of one warning.
    private struct Series {
        var event: StartEvent
        var first: Timestamp
        var last: Timestamp

        /// The lower, the more it says.
        var rank: Int {
            guard event.step != nil else { return 2 }
            return event.note.hasPrefix("Unable to attach or mount volumes") ? 1 : 0
        }
    }

    private static func grouped(_ events: [Event]) -> [Series] {
        var series: [String: Series] = [:]
        for event in events {
            let note = plain(event.note ?? "")
            let reason = Wording.reason(event.reason ?? "")
            let key = "\(reason)/\(Wording.steady(note))"
            var known =
                series[key]
                ?? Series(
                    event: StartEvent(reason: reason, note: note), first: event.firstSeen,
                    last: event.lastSeen)
            if event.firstSeen <= known.first {
                known.first = event.firstSeen
                known.event.note = note
            }
            known.last = max(known.last, event.lastSeen)
            series[key] = known
        }
        return Array(series.values)
    }

    /// The text without what client-go puts before many that are alike.
    private static func plain(_ note: String) -> String {
        let prefix = "(combined from similar events): "
        return note.hasPrefix(prefix) ? String(note.dropFirst(prefix.count)) : note
    }

    /// Whether the pod has come further since.
    private static func isOver(_ series: Series, _ events: [Event]) -> Bool {
        events.contains { event in
            guard event.type == "Normal", let reason = event.reason, series.last < event.lastSeen else {
                return false
            }
            if reason == "SuccessfulAttachVolume" { return series.event.reason == "FailedAttachVolume" }
            return series.event.step.map { progress[reason]?.contains($0) == true } ?? false
        }
    }
}

extension Event {
    private var created: Timestamp { metadata.creationTimestamp ?? Timestamp(seconds: 0) }

    fileprivate var firstSeen: Timestamp { deprecatedFirstTimestamp ?? eventTime?.timestamp ?? created }

    fileprivate var lastSeen: Timestamp {
        series?.lastObservedTime.timestamp ?? deprecatedLastTimestamp ?? eventTime?.timestamp ?? created
    }
}

extension Wording {
    /// The text without what changes from one look to the next: identifiers, durations, ports and large numbers.
    /// Two texts that say the same of different attempts are equal then.
    static func steady(_ text: String) -> String {
        var result = ""
        var word = ""
        func close() {
            let isPassing = isPassing(word) || (result.last == "-" && isGenerated(word))
            result += isPassing ? "…" : word
            word = ""
        }
        for scalar in text.unicodeScalars {
            if scalar.isASCII, scalar.properties.isAlphabetic || (0x30...0x39).contains(scalar.value) {
                word.unicodeScalars.append(scalar)
            } else {
                close()
                result.unicodeScalars.append(scalar)
            }
        }
        close()
        return result
    }

    /// Whether a word is an identifier in hexadecimal, a number of five digits or more, or a duration as Go prints
    /// it.
    private static func isPassing(_ word: String) -> Bool {
        guard word.utf8.contains(where: isDigit) else { return false }
        if word.utf8.allSatisfy(isDigit) { return word.utf8.count >= 5 }
        if word.utf8.count >= 8, word.utf8.allSatisfy({ isDigit($0) || (0x61...0x66).contains($0 | 0x20) }) {
            return true
        }
        return word.utf8.first.map(isDigit) == true
            && word.utf8.allSatisfy { isDigit($0) || "hmsnu".utf8.contains($0) }
    }

    /// Whether a word may be the end of a name that the API server generated: five characters of its alphabet.
    private static func isGenerated(_ word: String) -> Bool {
        word.utf8.count == 5 && word.utf8.allSatisfy { "bcdfghjklmnpqrstvwxz2456789".utf8.contains($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
