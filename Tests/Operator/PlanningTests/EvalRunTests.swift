import AnnealAPI
import KubernetesAPI
import Planning
import Scheduling
import Testing

/// An EvalRun and its pods, driven by hand.
struct EvaluationWorld {
    var run: EvalRun
    var pods: [String: Pod] = [:]
    var now = Samples.start
    var settings = Samples.settings
    /// The scheduler's word to a run that waits.
    var decision = AdmissionRound.Decision.admit(pods: 8)
    var created: [String] = []
    /// UIDs of what the operator created since it was started.
    var ownUIDs: Set<String> = []
    private var counter = 0

    init(_ run: EvalRun = Samples.evalRun()) { self.run = run }

    var plan: Plan<EvalRunStatus> {
        var observation = EvalRunObservation(run: run, now: now, settings: settings)
        observation.pods = pods.values.sorted { $0.name < $1.name }
        observation.ownUIDs = ownUIDs
        observation.seals = Seals(secret: "first")
        return EvalRunPlanner.plan(observation)
    }

    /// Gives the scheduler its turn: it decides about what waits, and takes back what is over.
    mutating func schedule() {
        let workload = EvalRunPlanner.workload(
            of: run, pods: Array(pods.values), settings: settings, now: now)
        guard let workload, var status = run.status else { return }
        switch workload.state {
        case .waiting: note(decision, workload, &status)
        case .admitted: break
        case .released: note(.release, workload, &status)
        }
        run.status = status
    }

    private func note(
        _ decision: AdmissionRound.Decision, _ workload: Workload, _ status: inout EvalRunStatus
    ) {
        AdmissionRecord.note(
            decision, on: workload, in: &status, generation: 1, now: now, scheduler: "test")
    }

    mutating func pass() {
        schedule()
        let plan = plan
        run.status = plan.status
        for effect in plan.effects {
            switch effect {
            case .create(let child, _):
                guard var pod = child.of(Pod.self) else { continue }
                if pods[pod.name] != nil { continue }
                counter += 1
                created.append(pod.name)
                pod.metadata.uid = "pod-\(counter)"
                pod.metadata.creationTimestamp = now
                pod.status = PodStatus(phase: "Running")
                pod.status?.startTime = now
                pods[pod.name] = pod
                ownUIDs.insert("pod-\(counter)")
            case .delete(let reference, _):
                let name = reference.key.name
                guard let pod = pods[name] else { continue }
                if !pod.isDone { finish(name, exitCode: 143, message: nil) }
                pods[name]?.metadata.deletionTimestamp = now
                if pod.metadata.finalizers?.isEmpty != false { pods[name] = nil }
            case .patch(let reference, _):
                pods[reference.key.name]?.metadata.finalizers = nil
                if pods[reference.key.name]?.metadata.deletionTimestamp != nil {
                    pods[reference.key.name] = nil
                }
            case .addFinalizer(let name): run.metadata.finalizers = [name]
            case .removeFinalizer: run.metadata.finalizers = nil
            case .apply, .event, .deleteRun: break
            }
        }
    }

    mutating func passes(_ count: Int) { for _ in 0..<count { pass() } }

    mutating func finish(_ name: String, exitCode: Int64 = 0, message: String?) {
        pods[name]?.status?.phase = exitCode == 0 ? "Succeeded" : "Failed"
        pods[name]?.status?.containerStatuses = [
            ContainerStatus(
                name: "evaluator",
                state: ContainerState(
                    terminated: ContainerStateTerminated(
                        exitCode: exitCode, message: message, finishedAt: now)))
        ]
    }
}

@Suite("An EvalRun")
struct EvalRunTests {
    static let good = #"{"metrics":{"perplexity":12.5},"samples":40,"suite":"quality"}"#

    @Test
    func `suites run side by side, and the run passes when every threshold is kept`() {
        var world = EvaluationWorld()
        world.passes(2)
        #expect(world.run.status?.phase == .evaluating)
        #expect(world.run.status?.suites?.map(\.attempt) == [1, 1])
        #expect(world.pods.isEmpty, "attempts are written first")
        world.pass()
        #expect(world.pods.isEmpty && world.run.metadata.finalizers == [Anneal.Finalizer.settle])
        world.pass()
        #expect(world.pods.keys.sorted() == ["check-facts-1", "check-quality-1"])
        world.now = world.now.advanced(by: 100)
        world.finish("check-quality-1", message: Self.good)
        world.finish("check-facts-1", message: #"{"metrics":{}}"#)
        world.pass()
        #expect(world.run.status?.phase == .passed)
        #expect(world.run.status?.gate == "1/1")
        #expect(world.run.status?.gpuSeconds == 200)
        #expect(world.run.status?.results?.first?.value == 12.5)
        #expect(world.run.status?.conditions?["Finished"]?.reason == "Succeeded")
        world.passes(2)
        #expect(world.run.metadata.finalizers == nil, "all is counted")
        let settled = world.plan
        #expect(settled.effects == [])
        #expect(settled.status == world.run.status)
    }

    @Test(arguments: [
        (#"{"metrics":{"loss":1}}"#, "is missing or not a number"),
        (#"{"metrics":{"perplexity":1e999}}"#, ""),
        (#"{"metrics":{"perplexity":20.5}}"#, "is 20.5, above its max 20.0"),
        (#"{"metrics":{},"missing":["perplexity"]}"#, "is missing or not a number"),
    ])
    func `a metric that is missing, not a number or out of bounds fails the thresholds`(
        report: String, why: String
    ) {
        var world = EvaluationWorld(Samples.evalRun(suites: ["quality"]) { $0.runPolicy = RunPolicy() })
        world.run.spec.runPolicy?.backoffLimit = 0
        world.passes(4)
        world.finish("check-quality-1", message: report)
        world.pass()
        #expect(world.run.status?.phase != .passed)
        #expect(world.run.status?.message?.contains(why) == true)
        #expect(world.run.status?.phase == .failed || report.contains("1e999"))
    }

    @Test
    func `a suite that fails gets three attempts, with waits that grow by half, then the run errs`() {
        var world = EvaluationWorld(Samples.evalRun(suites: ["quality"]))
        world.passes(4)
        var waits: [Int64] = []
        for attempt in 1...3 {
            #expect(world.pods.keys.sorted() == ["check-quality-\(attempt)"])
            world.finish("check-quality-\(attempt)", exitCode: 1, message: "Traceback")
            world.pass()
            if let start = world.run.status?.suites?.first?.notBefore, attempt < 3 {
                waits.append(start.seconds(since: world.now))
                world.pass()
                #expect(world.pods.isEmpty)
                world.now = start
            }
            world.passes(2)
        }
        #expect(waits == [10, 15])
        #expect(world.run.status?.phase == .error)
        #expect(world.run.status?.message?.contains("Suite quality: ") == true)
        #expect(world.run.status?.message?.contains("(after 3 attempts)") == true)
    }

    @Test(arguments: [true, false])
    func `a pod that is evicted or vanishes does not count`(vanishes: Bool) {
        var world = EvaluationWorld(Samples.evalRun(suites: ["quality"]))
        world.passes(5)
        for attempt in 1...5 {
            if vanishes {
                world.pods["check-quality-\(attempt)"] = nil
            } else {
                world.pods["check-quality-\(attempt)"]?.metadata.deletionTimestamp = world.now
            }
            world.pass()
            world.pods = [:]
            world.now = world.now.advanced(by: 700)
            world.passes(2)
        }
        #expect(world.run.status?.suites?.first?.attempt == 6)
        #expect(world.run.status?.suites?.first?.failures == nil)
        world.finish("check-quality-6", message: Self.good)
        world.pass()
        #expect(world.run.status?.phase == .passed)
    }

    @Test
    func `suspending stops the pods and keeps the results; resuming measures the rest`() {
        var world = EvaluationWorld(Samples.evalRun { $0.runPolicy = RunPolicy() })
        world.passes(4)
        world.finish("check-quality-1", message: Self.good)
        world.pass()
        world.run.spec.runPolicy?.suspend = true
        world.pass()
        #expect(world.run.status?.phase == .suspended)
        world.pass()
        #expect(world.pods.keys.sorted() == ["check-quality-1"])
        world.now = world.now.advanced(by: 50_000)
        world.run.spec.runPolicy?.suspend = false
        world.passes(5)
        #expect(world.run.status?.phase == .evaluating)
        #expect(world.pods.keys.sorted() == ["check-facts-2", "check-quality-1"])
    }

    @Test
    func `an EvalRun ends after its time limit`() {
        var world = EvaluationWorld()
        world.passes(5)
        world.now = world.now.advanced(by: 14_399)
        world.pass()
        #expect(world.run.status?.phase == .evaluating)
        world.now = world.now.advanced(by: 1)
        world.pass()
        #expect(world.run.status?.phase == .error)
        #expect(world.run.status?.reason == "DeadlineExceeded")
        world.pass()
        #expect(world.pods.isEmpty)
    }

    @Test
    func `an EvalRun waits where there is no room for even one suite`() {
        var world = EvaluationWorld()
        world.decision = .wait("no GPU is free")
        world.passes(3)
        #expect(world.run.status?.phase == .queued)
        #expect(world.run.status?.message == "no GPU is free")
        #expect(world.plan.status == world.run.status)
    }
}
