import AnnealAPI
import ControllerRuntime
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Scheduling
import Synchronization
import TestSupport
import Testing

@testable import Operator

@Suite(.timeLimit(.minutes(1)))
struct AdmissionSchedulerTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func scheduler(_ server: ScriptedServer) -> (AdmissionScheduler, [any ServedKind]) {
        let client = KubernetesClient(
            configuration: ClusterConfiguration(server: server.url), transport: HTTPTransport())
        let events = EventRecorder(client: client, component: "test", instance: "test", logger: logger)
        let caches = ClusterCaches(
            kinds: Kinds.all,
            InformerContext(
                client: client, namespace: nil,
                malformed: MalformedObjects(events: events, metrics: OperatorMetrics(), logger: logger),
                logger: logger))
        let served = Kinds.all.compactMap { $0.serve(caches, logger: logger) }
        let scheduler = AdmissionScheduler(
            kinds: served.compactMap(\.claims),
            applier: PlanApplier(client: client, events: events, caches: caches),
            settings: PlannerSettings(agentImage: "agent:1"), identity: "test",
            now: { Timestamp(seconds: 0) })
        return (scheduler, served)
    }

    /// A server that lists one run of each kind, which no watch has told of.
    private func server() throws -> ScriptedServer {
        try ScriptedServer { connection, request in
            let spec =
                request.path.contains("trainingjobs")
                ? #"{"method":"lora","model":{"storageUri":"s3://m/a/"},"dataset":{"storageUri":"s3://d/a","#
                    + #""format":"text"},"trainer":{"image":"i"},"artifacts":{"storageUri":"s3://a/b"}}"#
                : #"{"model":{"storageUri":"s3://m/a/"},"suites":[{"name":"s","type":"perplexity"}]}"#
            connection.respond(
                200, headers: ["Content-Type": "application/json"],
                #"{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"run","namespace":"n","#
                    + #""uid":"u","resourceVersion":"7"},"spec":\#(spec)}]}"#)
        }
    }

    @Test func `a run that a new leader reads before its watch tells of it is reconciled`() async throws {
        let server = try server()
        let (scheduler, served) = scheduler(server)
        try await scheduler.catchUp()
        let key = ObjectKey(namespace: "n", name: "run")
        #expect(served.count == 2)
        for kind in served {
            #expect(kind.queue.count == 1, "\(kind.name)")
            let first = await kind.queue.get()
            #expect(first == key)
            kind.queue.done(key)
        }
        try await scheduler.catchUp()
        #expect(served.allSatisfy { $0.queue.count == 0 }, "what is known need not be looked at again")
    }

    @Test func `a round that can't read the runs fails and is made again, and ends nothing`() async throws {
        let requests = Atomic<Int>(0)
        let server = try ScriptedServer { connection, _ in
            let isFirst = requests.add(1, ordering: .relaxed).oldValue == 0
            let list = #"{"metadata":{"resourceVersion":"9"},"items":[]}"#
            connection.respond(
                isFirst ? 500 : 200, headers: ["Content-Type": "application/json"], isFirst ? "{}" : list)
        }
        let (scheduler, _) = scheduler(server)
        await #expect(throws: KubernetesError.self) { try await scheduler.round(.round) }
        #expect(try await scheduler.round(.round) == .done)
        #expect(try await scheduler.round(.round) == .done)
        #expect(requests.load(ordering: .relaxed) == 3, "the runs are read afresh once")
    }

    /// A pod of a run, as one of two watches has it.
    private func pod(_ name: String, uid: String, phase: String = "Running") -> Pod {
        var metadata = ObjectMeta(name: name, namespace: "n")
        metadata.uid = uid
        var pod = Pod(metadata: metadata, spec: PodSpec(containers: []))
        pod.status = PodStatus()
        pod.status?.phase = phase
        return pod
    }

    @Test func `a pod keeps its room until both watches have seen its end`() {
        let all = [
            PodFootprint(pod("known", uid: "1")), PodFootprint(pod("ended", uid: "2", phase: "Succeeded")),
            PodFootprint(pod("replaced", uid: "3")),
        ]
        let claimed = [
            pod("known", uid: "1"), pod("ended", uid: "2"), pod("replaced", uid: "4"),
            pod("just-created", uid: "5"),
        ]
        let holding = AdmissionScheduler.pods(all, and: claimed).filter { !$0.isFinished }
        #expect(holding.compactMap(\.metadata.uid).sorted() == ["1", "2", "3", "4", "5"])
    }
}
