import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Synchronization
import TestSupport
import Testing

@testable import Operator

/// Events of pods that do not start, as they are read on demand.
@Suite struct StartEventReadingTests {
    private static let now = Timestamp(seconds: 1_800_000_000)
    private let settings = PlannerSettings(agentImage: "agent:1")
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func pod(_ uid: String, held seconds: Int64, change: (inout PodStatus) -> Void = { _ in }) -> Pod
    {
        var pod = Pod(
            metadata: ObjectMeta(name: "pod-\(uid)", namespace: "team"), spec: PodSpec(containers: []))
        pod.metadata.uid = uid
        var status = PodStatus(phase: "Pending")
        status.startTime = Self.now.advanced(by: -seconds)
        change(&status)
        pod.status = status
        return pod
    }

    private static func answer(_ note: String) -> String {
        let event = """
            {"metadata":{"name":"e","namespace":"team"},"eventTime":null,"type":"Warning","reason":"FailedMount",\
            "note":"\(note)","regarding":{"uid":"a"},"deprecatedLastTimestamp":"2027-01-15T08:00:00Z"}
            """
        // What is no event holds up nothing.
        return #"{"kind":"EventList","apiVersion":"events.k8s.io/v1","metadata":{},"items":["#
            + #"{"metadata":{"name":"x"},"regarding":7},\#(event)]}"#
    }

    private func client(_ server: ScriptedServer) -> KubernetesClient {
        KubernetesClient(
            configuration: ClusterConfiguration(server: server.url), transport: HTTPTransport())
    }

    @Test func `only pods that a node took a while ago and that have not begun are read`() {
        let events = StartEvents()
        let pods = [
            pod("young", held: 19), pod("stuck", held: 20),
            pod("waiting", held: 0) { $0.startTime = nil },
            pod("running", held: 90) { $0.phase = "Running" },
            pod("ended", held: 90) { $0.phase = "Failed" },
        ]
        #expect(events.of(pods, Self.now, settings) == [:])
        #expect(events.queue.count == 1)
    }

    @Test func `what was read is told until it is read again, and one request asks for one pod`() async throws
    {
        let server = try ScriptedServer { connection, _ in connection.respond(200, Self.answer("no volume")) }
        let events = StartEvents()
        let stuck = pod("a", held: 60)
        _ = events.of([stuck], Self.now, settings)
        let wish = try #require(await events.queue.get())
        #expect(await events.read(wish, by: client(server), Self.now, logger: logger))
        events.queue.done(wish)
        let request = try #require(server.requests.first)
        #expect(request.path == "/apis/events.k8s.io/v1/namespaces/team/events")
        #expect(request.query("fieldSelector") == "regarding.uid%3Da")
        #expect(request.query("limit") == "100")
        let told = events.of([stuck], Self.now.advanced(by: 19), settings)
        #expect(told == ["a": StartEvent(reason: "FailedMount", note: "no volume")])
        #expect(events.queue.count == 0)
        _ = events.of([stuck], Self.now.advanced(by: 20), settings)
        #expect(events.queue.count == 1)
        let again = try #require(await events.queue.get())
        #expect(
            await !events.read(again, by: client(server), Self.now.advanced(by: 20), logger: logger),
            "the same words wake nobody")
    }

    @Test(arguments: [403, 404, 500, 200])
    func `a read that fails leaves what is known, and is made again after a while only`(status: Int)
        async throws
    {
        let answer = Mutex((200, Self.answer("no volume")))
        let server = try ScriptedServer { connection, _ in
            let (status, body) = answer.withLock { $0 }
            connection.respond(status, body)
        }
        let events = StartEvents()
        let stuck = pod("a", held: 60)
        _ = events.of([stuck], Self.now, settings)
        let wish = try #require(await events.queue.get())
        _ = await events.read(wish, by: client(server), Self.now, logger: logger)
        events.queue.done(wish)
        answer.withLock { $0 = (status, status == 200 ? "<html>a proxy</html>" : #"{"kind":"Status"}"#) }
        let later = Self.now.advanced(by: 30)
        #expect(await !events.read(wish, by: client(server), later, logger: logger))
        #expect(events.of([stuck], later.advanced(by: 1), settings)["a"]?.note == "no volume")
        #expect(events.queue.count == 0)
    }

    @Test func `a pod that lasts is read more seldom, and one that nobody asks about is forgotten`()
        async throws
    {
        let server = try ScriptedServer { connection, _ in connection.respond(200, Self.answer("no volume")) }
        let events = StartEvents()
        _ = events.of([pod("a", held: 400)], Self.now, settings)
        let wish = try #require(await events.queue.get())
        _ = await events.read(wish, by: client(server), Self.now, logger: logger)
        events.queue.done(wish)
        _ = events.of([pod("a", held: 400)], Self.now.advanced(by: 90), settings)
        #expect(events.queue.count == 0)
        _ = events.of([pod("a", held: 400)], Self.now.advanced(by: 120), settings)
        #expect(events.queue.count == 1)
        let crowd = (0..<5000).map { pod("p\($0)", held: 60) }
        _ = events.of(crowd, Self.now.advanced(by: 1000), settings)
        #expect(events.of([pod("a", held: 1400)], Self.now.advanced(by: 1000), settings) == [:])
        #expect(
            await !events.read(
                .init(key: ObjectKey(namespace: "team", name: "x"), uid: "gone"), by: client(server),
                Self.now, logger: logger))
    }
}
