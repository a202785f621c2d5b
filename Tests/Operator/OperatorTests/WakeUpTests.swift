import AnnealAPI
import ControllerRuntime
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Testing

@testable import Operator

@Suite struct WakeUpTests {
    /// Caches that follow nothing: they hold what a test shows them.
    private struct Fixture {
        let caches: ClusterCaches
        let jobs: any ServedKind
        let runs: any ServedKind

        init() throws {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let client = KubernetesClient(
                configuration: ClusterConfiguration(server: "http://127.0.0.1:1"), transport: HTTPTransport())
            let events = EventRecorder(client: client, component: "test", instance: "test", logger: logger)
            caches = ClusterCaches(
                kinds: Kinds.all,
                InformerContext(
                    client: client, namespace: nil,
                    malformed: MalformedObjects(events: events, metrics: OperatorMetrics(), logger: logger),
                    logger: logger))
            let served = Kinds.all.compactMap { [caches] in $0.serve(caches, logger: logger) }
            WakeUps(caches: caches, kinds: served, rounds: AdmissionRounds()).install()
            jobs = try #require(served.first { $0.type == TrainingJob.resourceType })
            runs = try #require(served.first { $0.type == EvalRun.resourceType })
        }

        /// Has the watch's place taken by what was just written.
        func show(_ run: EvalRun) { caches.assume(run) }
    }

    private func run(_ number: Int, owner: String = "parent", kind: String = "TrainingJob") -> EvalRun {
        let reference = OwnerReference(
            apiVersion: "anneal.dev/v1alpha1", kind: kind, name: owner, uid: "owner", controller: true,
            blockOwnerDeletion: true)
        var metadata = ObjectMeta(name: "run-\(number)", namespace: "n", ownerReferences: [reference])
        metadata.uid = "uid-\(number)"
        metadata.resourceVersion = "1"
        return EvalRun(
            metadata: metadata,
            spec: EvalRunSpec(model: StoredInput(storageUri: "s3://m/a/"), suites: []))
    }

    @Test func `a thousand child runs that change at once wake their owner once`() async throws {
        let fixture = try Fixture()
        let before = fixture.jobs.queue.addedCount
        for number in 1...1000 { fixture.show(run(number)) }
        #expect(fixture.jobs.queue.count == 1)
        #expect(fixture.runs.queue.count == 1000, "each has a controller of its own")
        #expect(fixture.jobs.queue.addedCount > before)
        let key = await fixture.jobs.queue.get()
        #expect(key == ObjectKey(namespace: "n", name: "parent"))
    }

    @Test(
        "an owner is woken by what it goes by, and by nothing else",
        arguments: [
            ("phase", true), ("measure", true), ("deletion", true), ("message", false), ("admission", false),
            ("spec", false),
        ])
    func wakes(change: String, isWoken: Bool) async throws {
        let fixture = try Fixture()
        var run = run(1)
        run.status = EvalRunStatus(phase: .evaluating)
        fixture.show(run)
        let key = await fixture.jobs.queue.get()
        fixture.jobs.queue.done(try #require(key))
        run.metadata.resourceVersion = "2"
        switch change {
        case "phase": run.status?.phase = .passed
        case "measure":
            var suite = SuiteStatus(name: "quality", attempt: 1)
            suite.metrics = ["perplexity": 12]
            run.status?.suites = [suite]
        case "deletion": run.metadata.deletionTimestamp = Timestamp(seconds: 5)
        case "message": run.status?.message = "still at it"
        case "admission":
            run.status?.admission = Admission(
                attempt: 1, pods: 1, gpus: 1, admittedAt: Timestamp(seconds: 1), admittedBy: "test")
        default: run.spec.thresholds = []
        }
        fixture.show(run)
        #expect(fixture.jobs.queue.count == (isWoken ? 1 : 0))
    }

    @Test(
        "only an owner that is one of ours, by group and kind, is woken",
        arguments: ["TrainingJob", "EvalRun", "Deployment", ""])
    func wakesOwn(kind: String) throws {
        let fixture = try Fixture()
        fixture.show(run(1, kind: kind))
        #expect(fixture.jobs.queue.count == (kind == "TrainingJob" ? 1 : 0))
        #expect(fixture.runs.queue.count == 1, "the run itself is looked at")
    }
}
