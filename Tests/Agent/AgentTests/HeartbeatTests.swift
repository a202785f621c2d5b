import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import Synchronization
import Testing

@testable import Agent

/// Leases as an API server keeps them: with versions, conflicts and outages.
final class FakeLeases: LeaseClient {
    struct State {
        var lease: Lease?
        var version = 1
        var failure: KubernetesError?
        var patches: [JSONValue] = []
    }

    private let state: Mutex<State>

    init(_ lease: Lease? = nil) {
        state = Mutex(State(lease: lease))
        change { _ in }
    }

    var snapshot: State { state.withLock { $0 } }
    var annotations: [String: String] { snapshot.lease?.metadata.annotations ?? [:] }

    func fail(_ failure: KubernetesError?) { state.withLock { $0.failure = failure } }

    /// Writes as another client.
    func change(_ change: (inout Lease) -> Void) {
        state.withLock { state in
            guard state.lease != nil else { return }
            state.version += 1
            if state.lease?.metadata.annotations == nil { state.lease?.metadata.annotations = [:] }
            if var lease = state.lease {
                change(&lease)
                lease.metadata.resourceVersion = String(state.version)
                state.lease = lease
            }
        }
    }

    private static func error(_ code: Int, _ reason: String) -> KubernetesError {
        .api(Status(message: reason, reason: reason, code: code))
    }

    func get(_ key: ObjectKey) async throws(KubernetesError) -> Lease {
        let state = snapshot
        if let failure = state.failure { throw failure }
        guard let lease = state.lease else { throw Self.error(404, "NotFound") }
        return lease
    }

    func patch(_ key: ObjectKey, _ patch: Patch) async throws(KubernetesError) -> Lease {
        guard case .merge(let body) = patch else { throw Self.error(400, "BadRequest") }
        let state = snapshot
        if let failure = state.failure { throw failure }
        guard let lease = state.lease else { throw Self.error(404, "NotFound") }
        guard body[path: ["metadata", "resourceVersion"]]?.stringValue == lease.metadata.resourceVersion
        else {
            throw Self.error(409, "Conflict")
        }
        change { lease in
            for (name, value) in body[path: ["metadata", "annotations"]]?.objectValue ?? [:] {
                lease.metadata.annotations?[name] = value.stringValue
            }
            if lease.spec == nil { lease.spec = LeaseSpec() }
            lease.spec?.holderIdentity = body[path: ["spec", "holderIdentity"]]?.stringValue
            if let time = body[path: ["spec", "renewTime"]]?.stringValue {
                lease.spec?.renewTime = MicroTime(time)
            }
        }
        self.state.withLock { $0.patches.append(body) }
        return try await get(key)
    }
}

@Suite struct HeartbeatTests {
    private static let configuration = SyncConfiguration(
        run: RunIdentity(namespace: "team", name: "demo", uid: "uid", attempt: 2),
        storage: StorageConnection(),
        artifactRoot: "s3://bucket/uid", checkpointDirectory: "/c", metricsFile: "/m", outputDirectory: "/o",
        keepLast: 1,
        keepBest: 1,
        leaseName: "demo-2", heartbeatSeconds: 10)

    private let state = SyncState()
    private static let time = Date(timeIntervalSince1970: 1_800_000_000.25)

    private func heartbeat(_ leases: FakeLeases) -> LeaseHeartbeat {
        LeaseHeartbeat(
            leases: leases, configuration: Self.configuration, holder: "pod-0", state: state,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private static var lease: Lease { Lease(metadata: ObjectMeta(name: "demo-2", namespace: "team")) }

    @Test func `a heartbeat has the time of the last sign of life, not that of writing`() async throws {
        let leases = FakeLeases(Self.lease)
        var heartbeat = heartbeat(leases)
        state.update { $0.lastSign = Self.time }
        try await heartbeat.beat(now: Self.time.addingTimeInterval(100))
        #expect(leases.snapshot.lease?.spec?.renewTime?.description == "2027-01-15T08:00:00.250000Z")
        #expect(leases.snapshot.lease?.spec?.holderIdentity == "pod-0")
        #expect(leases.annotations[HeartbeatAnnotation.attempt] == "2")
        try await heartbeat.beat(now: Self.time.addingTimeInterval(200))
        #expect(leases.snapshot.patches.count == 1, "nothing new is nothing to write")
        state.update { $0.isUploading = true }
        try await heartbeat.beat(now: Self.time.addingTimeInterval(300))
        #expect(leases.snapshot.lease?.spec?.renewTime?.seconds == 1_800_000_300)
    }

    @Test func `a problem is reported and taken back`() async throws {
        let leases = FakeLeases(Self.lease)
        var heartbeat = heartbeat(leases)
        state.update { $0.uploadProblem = "the store is down" }
        try await heartbeat.beat(now: Self.time)
        #expect(leases.annotations[HeartbeatAnnotation.problem] == "the store is down")
        #expect(
            leases.snapshot.lease?.spec?.renewTime == nil,
            "a problem of ours is no sign of the trainer's life")
        state.update { $0.uploadProblem = nil }
        try await heartbeat.beat(now: Self.time)
        #expect(leases.annotations[HeartbeatAnnotation.problem] == nil)
    }

    @Test func `what the trainer warns of last is in the Lease`() async throws {
        let leases = FakeLeases(Self.lease)
        var heartbeat = heartbeat(leases)
        func beat(_ line: String) async throws -> String? {
            let point = try #require(MetricsPoint(Array(line.utf8)))
            state.update { $0.tracker.take(point) }
            try await heartbeat.beat(now: Self.time)
            return leases.annotations[HeartbeatAnnotation.warnings]
        }
        #expect(try await beat(#"{"step": 0}"#) == nil)
        #expect(try await beat(#"{"step": 0, "warnings": ["a \"b\"", 5, "c"]}"#) == #"["a \"b\"","c"]"#)
        #expect(try await beat(#"{"step": 1, "loss": 2}"#) == #"["a \"b\"","c"]"#)
        #expect(try await beat(#"{"step": 1, "warnings": "x"}"#) == #"["a \"b\"","c"]"#)
        let long = JSONValue.array(Array(repeating: .string(String(repeating: "x", count: 900)), count: 99))
        #expect(try await beat(#"{"warnings": \#(long.text)}"#)?.utf8.count == 8 * 503 + 1)
        #expect(try await beat(#"{"step": 1, "warnings": []}"#) == "[]")
    }

    /// Each attempt has a Lease of its own: no attempt that is newer writes to this one.
    @Test func `a forged attempt in the Lease is written over, and stops nothing`() async throws {
        let leases = FakeLeases(Self.lease)
        var heartbeat = heartbeat(leases)
        try await heartbeat.beat(now: Self.time)
        leases.change { $0.metadata.annotations?[HeartbeatAnnotation.attempt] = "3" }
        state.update { $0.lastSign = Self.time }
        try await heartbeat.beat(now: Self.time)
        #expect(leases.annotations[HeartbeatAnnotation.attempt] == "2")
        #expect(leases.snapshot.lease?.spec?.renewTime != nil)
    }

    @Test func `writes of others are respected`() async throws {
        let leases = FakeLeases(Self.lease)
        var heartbeat = heartbeat(leases)
        try await heartbeat.beat(now: Self.time)
        leases.change { $0.metadata.annotations?["other"] = "kept" }
        state.update { $0.lastSign = Self.time }
        try await heartbeat.beat(now: Self.time)
        #expect(leases.annotations["other"] == "kept")
        #expect(leases.snapshot.patches.count == 2)
    }

    @Test func `requests fail during an outage and succeed after it`() async throws {
        let leases = FakeLeases(Self.lease)
        var heartbeat = heartbeat(leases)
        leases.fail(.api(Status(message: "down", reason: "ServiceUnavailable", code: 503)))
        await #expect(throws: KubernetesError.self) { try await heartbeat.beat(now: Self.time) }
        leases.fail(nil)
        try await heartbeat.beat(now: Self.time)
        #expect(leases.annotations[HeartbeatAnnotation.attempt] == "2")
    }

    /// The Lease was deleted with its run, and the role allows no other.
    @Test func `a missing lease is not created`() async throws {
        let leases = FakeLeases()
        var heartbeat = heartbeat(leases)
        let error = await #expect(throws: KubernetesError.self) { try await heartbeat.beat(now: Self.time) }
        #expect(error?.isNotFound == true)
        #expect(leases.snapshot.lease == nil)
        let deleted = FakeLeases(Self.lease)
        var second = self.heartbeat(deleted)
        try await second.beat(now: Self.time)
        deleted.fail(.api(Status(message: "gone", reason: "NotFound", code: 404)))
        state.update { $0.lastSign = Self.time }
        await #expect(throws: KubernetesError.self) { try await second.beat(now: Self.time) }
        #expect(deleted.snapshot.patches.count == 1)
    }
}
