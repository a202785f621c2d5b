import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import ServiceLifecycle
import TestSupport
import Testing

@testable import ControllerRuntime

@Suite(.timeLimit(.minutes(1)))
struct EventTests {
    private static func record(_ note: String, name: String = "job") -> EventRecord {
        EventRecord(
            regarding: ObjectReference(
                apiVersion: "anneal.dev/v1alpha1", kind: "TrainingJob", namespace: "n", name: name, uid: "u"),
            type: "Normal", reason: "Started", action: "Start", note: note)
    }

    private func word(_ write: EventAggregator.Write?) -> String {
        switch write {
        case .create(let event): "create \(event.metadata.name ?? "")"
        case .update(let key, let series): "count \(key.name) \(series.count)"
        case nil: "-"
        }
    }

    @Test func `an event that repeats becomes a series`() {
        var aggregator = EventAggregator(component: "anneal", instance: "pod")
        func take(_ note: String, at seconds: Int64) -> String {
            word(aggregator.take(Self.record(note), now: MicroTime(seconds: seconds), identifier: 255))
        }
        #expect(take("x", at: 0) == "create job.ff")
        #expect(take("x", at: 1) == "count job.ff 2")
        #expect(take("x", at: 2) == "-")
        #expect(take("other", at: 3) == "create job.ff")
        #expect(take("x", at: 31) == "count job.ff 4")
        // After six quiet minutes it is a new event.
        #expect(take("x", at: 400) == "create job.ff")
    }

    @Test func `the oldest of many different events are forgotten`() {
        var aggregator = EventAggregator(component: "anneal", instance: "pod", limit: 10)
        var created = 0
        for index in 0..<100 {
            let write = aggregator.take(
                Self.record("\(index)"), now: MicroTime(seconds: 0), identifier: UInt64(index))
            if case .create = write { created += 1 }
        }
        #expect(created == 100 && aggregator.count == 10)
        let known = aggregator.take(Self.record("99"), now: MicroTime(seconds: 1), identifier: 1)
        #expect(word(known) == "count job.63 2")
        let forgotten = aggregator.take(Self.record("89"), now: MicroTime(seconds: 1), identifier: 1)
        #expect(word(forgotten) == "create job.1")
        let later = aggregator.take(Self.record("later"), now: MicroTime(seconds: 400), identifier: 1)
        #expect(word(later) == "create job.1" && aggregator.count == 1)
    }

    @Test func `an event fits its limits`() throws {
        var aggregator = EventAggregator(component: "anneal", instance: "pod")
        let record = Self.record(
            String(repeating: "ü", count: 2000), name: String(repeating: "n", count: 253))
        let write = aggregator.take(record, now: MicroTime(seconds: 0), identifier: .max)
        guard case .create(let event) = write else {
            Issue.record("\(word(write))")
            return
        }
        #expect((event.note ?? "").utf8.count == 1024)
        #expect((event.metadata.name ?? "").utf8.count <= 253)
        #expect(EventAggregator.cut("aü", bytes: 2) == "a")
    }

    @Test func `recorded events are written, also those that wait at shutdown`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(201, #"{"metadata":{"name":"e","uid":"u","resourceVersion":"1"}}"#)
        }
        let client = KubernetesClient(
            configuration: ClusterConfiguration(server: server.url), transport: HTTPTransport())
        let recorder = EventRecorder(
            client: client, component: "anneal.dev/operator", instance: "pod-1",
            now: { MicroTime(seconds: 5) }, identifier: { 10 })
        for note in ["one", "two", "two"] { recorder.record(Self.record(note)) }
        let group = ServiceGroup(services: [recorder], logger: .init(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(server.requests.map(\.method) == ["POST", "POST", "PATCH"])
        let event = try JSONValue(parsing: try #require(server.requests.first).body)
        #expect(event["apiVersion"] == "events.k8s.io/v1")
        #expect(event["metadata"] == ["name": "job.a", "namespace": "n"])
        #expect(event["regarding"]?["kind"] == "TrainingJob")
        #expect(event["eventTime"] == "1970-01-01T00:00:05.000000Z")
        #expect(event["reportingController"] == "anneal.dev/operator")
        let patch = try JSONValue(parsing: try #require(server.requests.last).body)
        #expect(patch["series"]?["count"] == 2)
    }
}
