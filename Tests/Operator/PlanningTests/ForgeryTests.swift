import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// Objects that somebody else makes in a run's name: with its owner reference, and the name of a child.
@Suite("A forged child")
struct ForgeryTests {
    /// A pod that names the run as its controlling owner, and says that a model is excellent.
    static func pod(_ name: String, of owner: some KubernetesResource, uid: String, message: String) -> Pod {
        var metadata = ObjectMeta(
            name: name, namespace: "team", labels: ["anneal.dev/run-uid": owner.metadata.uid ?? ""],
            ownerReferences: [owner.controllerReference].compactMap { $0 })
        metadata.uid = uid
        metadata.creationTimestamp = Samples.start
        var pod = Pod(metadata: metadata, spec: PodSpec(containers: [Container(name: "evaluator")]))
        pod.status = PodStatus(phase: "Succeeded")
        pod.status?.startTime = Samples.start
        pod.status?.containerStatuses = ["evaluator", "agent", "trainer"].map { name in
            ContainerStatus(
                name: name,
                state: ContainerState(
                    terminated: ContainerStateTerminated(
                        exitCode: 0, reason: "Completed", message: message, finishedAt: Samples.start)))
        }
        return pod
    }

    static let praise = #"{"metrics":{"perplexity":1.01}}"#

    @Test(arguments: [1, 30])
    func `an evaluator's pod that is there before the operator's makes no verdict, however often it is made`(
        times: Int
    ) {
        var world = EvaluationWorld(Samples.evalRun(suites: ["quality"]))
        world.decision = .wait("no room")
        world.pass()
        for attempt in 1...times {
            world.pods["check-quality-1"] = Self.pod(
                "check-quality-1", of: world.run, uid: "forged-\(attempt)", message: Self.praise)
            world.decision = .admit(pods: 1)
            world.pass()
            #expect(world.run.status?.phase.isTerminal != true)
            #expect(world.run.status?.suites?.first?.finished != true)
        }
        world.passes(4)
        #expect(world.pods["check-quality-1"]?.metadata.uid?.hasPrefix("pod-") == true)
        world.finish("check-quality-1", message: #"{"metrics":{"perplexity":25}}"#)
        world.passes(3)
        #expect(world.run.status?.phase == .failed)
    }

    @Test
    func `a pod that takes the place of the evaluator's own is none`() {
        var world = EvaluationWorld(Samples.evalRun(suites: ["quality"]))
        world.passes(6)
        #expect(world.run.status?.suites?.first?.podUID == "pod-1")
        world.pods["check-quality-1"] = Self.pod(
            "check-quality-1", of: world.run, uid: "forged", message: Self.praise)
        world.passes(2)
        #expect(world.run.status?.phase.isTerminal != true)
        #expect(world.pods.values.allSatisfy { $0.metadata.uid != "forged" })
        #expect(world.run.status?.suites?.first?.lastFailure?.contains("PodLost") == true)
    }

    @Test(arguments: [true, false])
    func `a Job's pod that is not what the Job asks for gives no report`(isSecond: Bool) throws {
        var world = World(Samples.trainingJob())
        world.run { $0.state.jobs["demo-validate-1"] != nil }
        if isSecond { world.tick() }
        let job = try #require(world.state.jobs["demo-validate-1"])
        let report = #"{"reason":"Succeeded","dataset":{"records":1}}"#
        world.state.pods["demo-validate-1-zzzzz"] = Self.pod(
            "demo-validate-1-zzzzz", of: job, uid: "forged", message: report)
        world.state.jobs["demo-validate-1"]?.status = JobStatus()
        world.state.jobs["demo-validate-1"]?.status?.conditions = [
            JobCondition(type: "Complete", status: .true, lastTransitionTime: world.now)
        ]
        world.pass()
        #expect(world.phase == .validating)
        #expect(world.status?.reason == "UnexpectedPod")
        #expect(world.status?.current?.attempt == 2)
    }

    @Test
    func `an EvalRun that was deleted and made again with laxer thresholds is not the run's`() throws {
        var world = World(Samples.trainingJob())
        world.run { $0.phase == .evaluating && $0.status?.current?.launchedAt != nil }
        var forged = try #require(world.state.evalRuns["demo-evaluate-1"])
        forged.metadata.uid = "forged"
        forged.spec.thresholds = [Threshold(metric: "quality/perplexity", max: 1000)]
        forged.status = EvalRunStatus(phase: .passed)
        world.state.evalRuns["demo-evaluate-1"] = forged
        world.pass()
        #expect(world.status?.conditions?["GatePassed"] == nil)
        #expect(world.status?.current?.attempt == 2)
        #expect(world.status?.reason == "EvalRunDeleted")
        world.pass()
        #expect(world.state.evalRuns["demo-evaluate-1"] == nil)
        world.run(until: .completed)
        #expect(world.status?.evaluation?.modelSha256 == Samples.sha)
        #expect(world.status?.evaluation?.uid == world.state.evalRuns["demo-evaluate-2"]?.metadata.uid)
    }

    @Test
    func `a trainer's pod or Lease that somebody else made is deleted and made again`() {
        var world = World(Samples.trainingJob())
        world.run(until: .training)
        let run = world.state.job ?? Samples.trainingJob()
        world.state.pods["demo-train-1-0"] = Self.pod("demo-train-1-0", of: run, uid: "forged", message: "{}")
        var lease = Lease(metadata: ObjectMeta(name: "demo-train-1", namespace: "team"))
        lease.metadata.uid = "forged-lease"
        lease.metadata.ownerReferences = [run.controllerReference].compactMap { $0 }
        lease.metadata.annotations = [HeartbeatAnnotation.progress: #"{"step":99,"totalSteps":100}"#]
        world.state.leases["demo-train-1"] = lease
        world.pass()
        #expect(world.status?.reason == "ForeignObject")
        #expect(world.phase == .training)
        #expect(world.status?.progress == nil)
        world.run(until: .uploading)
        #expect(world.phase == .uploading)
        #expect(world.violations == [])
    }

    @Test(arguments: [1, 2])
    func `a child that was created before a crash, and not noted, is known by its seal`(nodes: Int) {
        var world = World(Samples.trainingJob(nodes: nodes))
        for name in ["validate", "train"] {
            world.run { world in
                world.state.jobs["demo-\(name)-1"] != nil || world.state.pods["demo-\(name)-1-0"] != nil
            }
            if nodes > 1 { world.state.pods["demo-train-1-1"] = nil }
            world.ownUIDs = []
            world.secret += "'"
        }
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.status?.trainingAttempts == 1)
        #expect(world.violations == [])
    }

    @Test
    func `a word that a status gives away opens no seal`() throws {
        var world = World(Samples.trainingJob())
        world.run(until: .training)
        let seal = try #require(world.status?.current?.seal)
        let run = world.state.job ?? Samples.trainingJob()
        var forged = Self.pod("demo-train-1-0", of: run, uid: "forged", message: "{}")
        forged.metadata.annotations = [Anneal.Annotation.seal: seal]
        world.state.pods["demo-train-1-0"] = forged
        world.pass()
        #expect(world.status?.reason == "ForeignObject")
    }

    @Test
    func `another attempt's number in the Lease is told, and what it says counts again once it is gone`() {
        var world = World(Samples.trainingJob())
        world.trainingPasses = 50
        world.run { $0.status?.checkpoint != nil }
        let before = world.status
        world.state.leases["demo-train-1"]?.metadata.annotations?[HeartbeatAnnotation.attempt] = "99"
        world.state.leases["demo-train-1"]?.metadata.annotations?[HeartbeatAnnotation.progress] =
            #"{"step":77}"#
        for _ in 0..<3 { world.pass() }
        #expect(world.status?.progress == before?.progress)
        let told = world.status?.conditions?["ProgressReported"]
        #expect(told?.status == .false && told?.message.contains(HeartbeatAnnotation.attempt) == true)
        #expect(world.events.filter { $0.reason == "ProgressMalformed" }.count == 1)
        world.tick()
        world.pass()
        #expect(world.status?.conditions?["ProgressReported"]?.status == .true)
        #expect(world.status?.progress != before?.progress)
    }

    @Test
    func `an attempt's Lease goes with it, and the last with the run`() {
        var world = World(Samples.trainingJob())
        world.nextFate = {
            $0.isTrainer && $0.metadata.labels?[Anneal.Label.attempt] != "4" ? .evicted : .success
        }
        var most = 0
        world.run { world in
            most = max(most, world.state.leases.count)
            return world.phase?.isTerminal == true
        }
        for _ in 0..<5 {
            world.tick()
            world.pass()
        }
        #expect(world.phase == .completed && world.status?.trainingAttempts == 4)
        #expect(most == 1 && world.state.leases.isEmpty)
    }
}
