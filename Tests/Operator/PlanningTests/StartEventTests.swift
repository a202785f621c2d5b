import FoundationEssentials
import KubernetesAPI
import Testing

@testable import Planning

/// The event that tells best why a pod does not start.
@Suite("The telling event")
struct StartEventTests {
    private static let base = Timestamp("2026-03-01T10:00:00Z") ?? Timestamp(seconds: 0)

    /// An event as a kubelet writes it: by `v1`, whose times and count `events.k8s.io` shows as deprecated.
    private func kubelet(
        _ reason: String, _ note: String, at first: Int64, until last: Int64? = nil, type: String = "Warning",
        uid: String = "pod-1"
    ) throws -> Event {
        let json: JSONValue = [
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": ["name": .string("\(reason).\(first)"), "namespace": "team"],
            "eventTime": .null, "reportingController": "kubelet", "reportingInstance": "gpu-1",
            "reason": .string(reason), "note": .string(note), "type": .string(type),
            "regarding": ["kind": "Pod", "namespace": "team", "name": "demo", "uid": .string(uid)],
            "deprecatedSource": ["component": "kubelet", "host": "gpu-1"],
            "deprecatedFirstTimestamp": .string(Self.base.advanced(by: first).description),
            "deprecatedLastTimestamp": .string(Self.base.advanced(by: last ?? first).description),
            "deprecatedCount": 3,
        ]
        return try JSONDecoder().decode(Event.self, from: json.serialized())
    }

    private func telling(_ events: Event...) -> StartEvent? { StartEvent.telling(among: events, of: "pod-1") }

    private let missing = #"MountVolume.SetUp failed for volume "creds" : secret "none" not found"#
    private let summary =
        "Unable to attach or mount volumes: unmounted volumes=[creds], unattached volumes=[], "
        + "failed to process volumes=[]: timed out waiting for the condition"

    @Test func `nothing is told of a pod without events, and of another pod's`() throws {
        #expect(telling() == nil)
        #expect(telling(try kubelet("FailedMount", missing, at: 1, uid: "pod-2")) == nil)
        #expect(
            StartEvent.telling(among: [try kubelet("FailedMount", missing, at: 1, uid: "")], of: "") == nil)
    }

    @Test func `the cause of a step is told rather than the kubelet's summary, whichever comes last`() throws
    {
        let found = telling(
            try kubelet("FailedScheduling", "0/3 nodes are available", at: 0),
            try kubelet("FailedMount", missing, at: 2, until: 60),
            try kubelet("FailedMount", summary, at: 123))
        #expect(found == StartEvent(reason: "FailedMount", note: missing))
        #expect(telling(try kubelet("FailedMount", summary, at: 123))?.note == summary)
    }

    @Test func `of two causes that alternate one is told, until it comes no more`() throws {
        let other = missing.replacing("none", with: "other")
        func told(_ first: Int64, _ second: Int64) throws -> String? {
            telling(
                try kubelet("FailedMount", other, at: 3, until: second),
                try kubelet("FailedMount", missing, at: 2, until: first))?.note
        }
        #expect(try told(10, 12) == missing)
        #expect(try told(14, 12) == missing)
        #expect(try told(14, 200) == other)
    }

    @Test func `attempts that differ by identifiers alone are one cause, in the words of the first`() throws {
        func sandbox(_ id: String, _ port: Int) -> String {
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "
                + "\"\(id)\": dial tcp 10.0.0.1:\(port): connect: connection refused"
        }
        let first = sandbox("3f2a90c1b7de4455", 43210)
        let found = telling(
            try kubelet("FailedCreatePodSandBox", sandbox("99aa10c1b7de4400", 50001), at: 20),
            try kubelet("FailedCreatePodSandBox", first, at: 5),
            try kubelet(
                "FailedCreatePodSandBox",
                "(combined from similar events): \(sandbox("11aa10c1b7de4400", 50002))", at: 400, until: 900))
        #expect(found == StartEvent(reason: "FailedCreatePodSandBox", note: first))
    }

    @Test func `a step that is over is told no more`() throws {
        let pulling = try kubelet("Pulling", "Pulling image \"x\"", at: 30, type: "Normal")
        let mount = try kubelet("FailedMount", missing, at: 2, until: 20)
        #expect(telling(mount, pulling)?.isPulling == true)
        let failed = try kubelet("Failed", "Failed to pull image \"x\": not found", at: 10, until: 25)
        #expect(telling(failed, pulling)?.reason == "Failed")
        let attach = try kubelet("FailedAttachVolume", "Multi-Attach error for volume \"pvc-1\"", at: 1)
        let attached = try kubelet(
            "SuccessfulAttachVolume", "AttachVolume.Attach succeeded", at: 9, type: "Normal")
        #expect(telling(attach)?.reason == "FailedAttachVolume")
        #expect(telling(attach, attached) == nil)
        let started = try kubelet("Started", "Started container x", at: 40, type: "Normal")
        #expect(telling(mount, failed, pulling, started) == nil)
    }

    @Test func `a warning that nobody here knows is told where there is no other`() throws {
        let unknown = try kubelet("FailedHydration", "the volume is dry", at: 9)
        #expect(telling(unknown)?.reason == "FailedHydration")
        #expect(telling(unknown, try kubelet("FailedMount", missing, at: 2))?.reason == "FailedMount")
        #expect(telling(try kubelet("DNSConfigForming", "too many nameservers", at: 2)) == nil)
    }

    @Test func `a series is dated by its last sight`() {
        func event(_ note: String, _ first: Int64, _ last: Int64) -> Event {
            var event = Event(metadata: ObjectMeta(name: note, namespace: "team"))
            event.regarding = ObjectReference(kind: "Pod", name: "demo", uid: "pod-1")
            event.eventTime = MicroTime(seconds: first)
            event.series = EventSeries(count: 4, lastObservedTime: MicroTime(seconds: last))
            (event.type, event.reason, event.note) = ("Warning", "FailedMount", note)
            return event
        }
        #expect(telling(event("a", 1, 2), event("b", 2, 400))?.note == "b")
        #expect(telling(event("a", 1, 390), event("b", 2, 400))?.note == "a")
    }

    @Test(arguments: [
        ("back-off 5m0s restarting", "back-off … restarting"), ("in 10.5s", "in 10.…"),
        ("volume pvc-0f8fad5b-d9cb", "volume pvc-…-d9cb"), ("port 51234 of 2", "port … of 2"),
        ("a secret \"s3\" of 64Gi", "a secret \"s3\" of 64Gi"), ("", ""), ("é漢 🎛", "é漢 🎛"),
    ])
    func `what passes is left out of a comparison`(_ text: String, _ steady: String) {
        #expect(Wording.steady(text) == steady)
    }
}
