import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// What a run made is not lost, whatever refuses it.
@Suite("What was trained")
struct DurabilityTests {
    /// A world in which one stage after training is refused until a time.
    static func world(
        _ word: String, _ fate: World.Fate, until attempt: Int = .max,
        change: (inout TrainingJobSpec) -> Void = { _ in }
    ) -> World {
        var world = World(Samples.trainingJob(change: change))
        world.nextFate = { pod in
            let number = pod.metadata.labels?[Anneal.Label.attempt].flatMap { Int($0) } ?? 0
            return pod.metadata.labels?[Anneal.Label.stage] == word && number < attempt ? fate : .success
        }
        return world
    }

    @Test(arguments: [
        ("upload", World.Fate.accessDenied), ("upload", .exit(1)), ("upload", .newerAttempt),
        ("upload", .secretNotAllowed), ("register", .accessDenied), ("register", .secretNotAllowed),
    ])
    func `a stage that is refused after training waits with growing backoff, and goes on when it may`(
        word: String, fate: World.Fate
    ) {
        var world = Self.world(word, fate, until: 12)
        var waits: [Int64] = []
        world.run { world in
            if let current = world.status?.current, let start = current.notBefore {
                let wait = start.seconds(since: current.startedAt)
                if waits.last != wait { waits.append(wait) }
            }
            return world.phase?.isTerminal == true
        }
        #expect(world.phase == .completed)
        #expect(waits == [10, 20, 40, 80, 160, 320, 600])
        #expect(world.violations == [])
    }

    @Test(arguments: ["upload", "register"])
    func `however often a stage after training is interrupted, the run goes on`(word: String) {
        var world = Self.world(word, .vanishes, until: 16)
        world.run(until: .completed, limit: 2000)
        #expect(world.phase == .completed)
    }

    @Test
    func `while it waits, the status says for what`() {
        var world = Self.world("upload", .accessDenied)
        world.run { $0.phase == .uploading && $0.status?.current?.attempt == 2 }
        #expect(world.status?.reason == "AccessDenied")
        #expect(world.status?.message?.contains("bucket 'artifacts' is denied") == true)
    }

    @Test
    func `the completion deadline ends the wait, and the volume with the model stays`() {
        var world = Self.world("upload", .accessDenied) {
            $0.runPolicy = RunPolicy()
            $0.runPolicy?.completionDeadlineSeconds = 3600
        }
        world.run(until: .failed)
        #expect(world.status?.reason == "CompletionDeadlineExceeded")
        #expect(world.status?.message?.contains("runPolicy.completionDeadlineSeconds") == true)
        #expect(world.status?.message?.contains("AccessDenied") == true)
        for _ in 0..<10 {
            world.tick()
            world.pass()
        }
        #expect(world.state.claims["demo-workspace"] != nil)
        #expect(world.status?.holdsOnlyCopy == true)
        let kept = world.status?.conditions?["WorkspaceKept"]
        #expect(kept?.status == .true && kept?.message.contains(" attempts/attempt-1.") == true)
        #expect(world.violations == [])
    }

    @Test
    func `an upload that the run itself is to blame for fails at once, and the volume stays`() {
        var world = Self.world("upload", .badInput)
        world.run(until: .failed)
        #expect(world.created.filter { $0.key.name.contains("upload") }.count == 1)
        #expect(world.state.claims["demo-workspace"] != nil)
    }

    @Test(arguments: [Workspace.Retention.deleteAlways, .deleteOnceSaved, .retain])
    func `the volume of a failed run goes where all is saved, or the user says so`(
        retention: Workspace.Retention
    ) {
        var world = Self.world("train", .outOfMemory) {
            $0.workspace = Workspace()
            $0.workspace?.retention = retention
        }
        world.run(until: .failed)
        for _ in 0..<10 {
            world.tick()
            world.pass()
        }
        #expect((world.state.claims["demo-workspace"] == nil) == (retention != .retain))
    }

    @Test
    func `the volume of a failed run stays where its last checkpoint did not get to S3`() {
        var world = Self.world("train", .outOfMemory)
        world.commitsCheckpoints = false
        world.run(until: .failed)
        for _ in 0..<10 {
            world.tick()
            world.pass()
        }
        #expect(world.state.claims["demo-workspace"] != nil)
        #expect(world.violations == [])
    }

    @Test
    func `a run that failed before it trained keeps no volume`() {
        var world = Self.world("prepare", .badInput)
        world.run(until: .failed)
        world.tick()
        world.pass()
        #expect(world.state.claims["demo-workspace"] == nil)
        #expect(world.status?.holdsOnlyCopy == nil)
    }

    @Test
    func `an EvalRun without a verdict is made again`() {
        var world = World(Samples.trainingJob())
        world.verdict = .error
        world.run { $0.status?.current?.stage == .evaluating && $0.status?.current?.attempt == 2 }
        #expect(world.status?.reason == "EvaluationError")
        world.verdict = .passed
        world.run(until: .completed)
        #expect(world.phase == .completed)
    }
}

/// Healthy runs are left alone.
@Suite("A healthy run")
struct HealthyRunTests {
    @Test
    func `a run that queued for days trains its whole time`() {
        var world = World(Samples.trainingJob())
        world.hasCapacity = false
        world.run(until: .queued)
        world.pass()
        world.tick(seconds: 5 * 86_400)
        world.pass()
        #expect(world.phase == .queued)
        world.hasCapacity = true
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect((world.status?.queuedSeconds ?? 0) >= 5 * 86_400)
        #expect(world.status?.queuedSince == nil)
    }

    @Test
    func `an evaluation's wait for GPUs counts against no deadline of its parent`() {
        var world = World(Samples.trainingJob())
        world.run { $0.phase == .evaluating && !$0.state.evalRuns.isEmpty }
        for name in world.state.evalRuns.keys {
            world.state.evalRuns[name]?.status = EvalRunStatus(phase: .queued)
        }
        world.pass()
        world.now = world.now.advanced(by: 3 * 86_400)
        world.pass()
        #expect(world.phase == .evaluating)
        world.run(until: .completed)
        #expect(world.phase == .completed)
    }

    @Test
    func `an EvalRun's limit counts from its admission`() throws {
        var run = Samples.evalRun()
        run.status = EvalRunStatus(phase: .queued)
        run.status?.startTime = Samples.start
        run.status?.queuedSince = Samples.start
        let plan = EvalRunPlanner.plan(
            EvalRunObservation(
                run: run, now: Samples.start.advanced(by: 10 * 86_400), settings: Samples.settings))
        #expect(plan.status.phase == .queued)
    }

    @Test(arguments: [true, false])
    func `silence counts from when the last sign was seen, not from what a node's clock says`(isStale: Bool) {
        var world = World(Samples.trainingJob())
        world.run { $0.status?.progress?.step ?? 0 > 0 }
        // The node's clock is a year behind, or a year ahead.
        let skew: Int64 = isStale ? 31_536_000 : -31_536_000
        for name in world.state.leases.keys {
            world.state.leases[name]?.spec?.renewTime = MicroTime(seconds: world.now.seconds + skew)
        }
        world.now = world.now.advanced(by: 301)
        var observation = world.observation()
        observation?.signOfLifeSeen = world.now.advanced(by: isStale ? -301 : -299)
        let phase = observation.map { TrainingJobPlanner.plan($0).status.phase }
        #expect(phase == (isStale ? .preparing : .training))
    }

    @Test
    func `a trainer may take its time until its first sign of life`() {
        var world = TrainingStageTests.world(.silent)
        world.run { $0.state.pods["demo-train-1-0"]?.status?.phase == "Running" }
        world.pass()
        world.tick(seconds: 1799)
        world.pass()
        #expect(world.phase == .training)
        world.tick(seconds: 1)
        world.pass()
        #expect(world.phase == .preparing)
        #expect(world.status?.reason == "StartupTimeout")
        #expect(world.status?.message?.contains("runPolicy.startupTimeoutSeconds") == true)
        #expect(world.status?.countedFailures == 1)
    }

    @Test(arguments: [true, false])
    func `a silent trainer is its own fault only on a healthy node`(isLost: Bool) throws {
        var world = World(Samples.trainingJob())
        world.run { $0.status?.progress?.step ?? 0 > 0 }
        world.state.pods["demo-train-1-0"]?.spec?.nodeName = "gpu-1"
        world.now = world.now.advanced(by: 301)
        var observation = try #require(world.observation())
        observation.signOfLifeSeen = world.now.advanced(by: -301)
        if isLost { observation.lostNodes = LostNodes(since: ["gpu-1": world.now.advanced(by: -30)]) }
        let status = TrainingJobPlanner.plan(observation).status
        #expect(status.phase == .preparing)
        #expect(status.reason == (isLost ? "NodeLost" : "HeartbeatLost"))
        #expect(status.countedFailures == (isLost ? nil : 1))
    }

    @Test
    func `a gang is replaced when the loss of a node is seen, uncounted, whichever pod it took`() throws {
        var world = World(Samples.trainingJob(nodes: 2))
        world.run { $0.status?.progress?.step ?? 0 > 0 }
        world.state.pods["demo-train-1-1"]?.spec?.nodeName = "gpu-2"
        var observation = try #require(world.observation())
        observation.lostNodes = LostNodes(since: ["gpu-2": world.now.advanced(by: -59)])
        let waiting = TrainingJobPlanner.plan(observation)
        #expect(waiting.status.phase == .training)
        #expect(waiting.requeueAfter == 1)
        observation.lostNodes = LostNodes(since: ["gpu-2": world.now.advanced(by: -60)])
        let status = TrainingJobPlanner.plan(observation).status
        #expect(status.phase == .preparing)
        #expect(status.reason == "NodeLost")
        #expect(status.countedFailures == nil)
    }

    @Test(arguments: [true, false])
    func `the failure of one pod of a gang waits a moment for what its neighbours show`(isLost: Bool) throws {
        var world = World(Samples.trainingJob(nodes: 2))
        world.run { $0.status?.progress?.step ?? 0 > 0 }
        world.state.pods["demo-train-1-1"]?.spec?.nodeName = "gpu-2"
        let pod = try #require(world.state.pods["demo-train-1-0"])
        world.end(pod, .exit(1))
        #expect(TrainingJobPlanner.plan(try #require(world.observation())).status.phase == .training)
        world.now = world.now.advanced(by: 50)
        var observation = try #require(world.observation())
        if isLost { observation.lostNodes = LostNodes(since: ["gpu-2": world.now]) }
        let status = TrainingJobPlanner.plan(observation).status
        #expect(status.phase == .preparing)
        #expect(status.countedFailures == (isLost ? nil : 1))
    }
}
