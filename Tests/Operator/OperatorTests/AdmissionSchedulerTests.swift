import AnnealAPI
import ControllerRuntime
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import TestSupport
import Testing

@testable import Operator

@Suite(.timeLimit(.minutes(1)))
struct AdmissionSchedulerTests {
    private func scheduler(_ server: ScriptedServer) -> AdmissionScheduler {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let client = KubernetesClient(
            configuration: ClusterConfiguration(server: server.url), transport: HTTPTransport())
        let events = EventRecorder(client: client, component: "test", instance: "test", logger: logger)
        let caches = ClusterCaches(
            client: client, namespace: nil,
            malformed: MalformedObjects(events: events, metrics: OperatorMetrics(), logger: logger),
            logger: logger)
        return AdmissionScheduler(
            caches: caches, queues: OperatorQueues(),
            applier: PlanApplier(client: client, events: events, caches: caches),
            settings: PlannerSettings(agentImage: "agent:1"), identity: "test",
            now: { Timestamp(seconds: 0) })
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
        let scheduler = scheduler(server)
        try await scheduler.catchUp(scheduler.applier.client, namespace: nil)
        let key = ObjectKey(namespace: "n", name: "run")
        #expect(scheduler.caches.trainingJobs.store.get(key) != nil)
        #expect(scheduler.caches.evalRuns.store.get(key) != nil)
        #expect(scheduler.queues.trainingJobs.count == 1 && scheduler.queues.evalRuns.count == 1)
        let first = await scheduler.queues.trainingJobs.get()
        #expect(first == key)
        scheduler.queues.trainingJobs.done(key)
        try await scheduler.catchUp(scheduler.applier.client, namespace: nil)
        #expect(scheduler.queues.trainingJobs.count == 0, "what is known need not be looked at again")
    }
}
