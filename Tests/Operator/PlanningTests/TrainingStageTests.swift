import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// Ends of a training attempt, which decide what follows.
@Suite("The end of a training attempt")
struct TrainingStageTests {
    /// A world whose first training pods have the fate, and all later ones go well.
    static func world(_ fate: World.Fate, nodes: Int = 1, change: (inout TrainingJobSpec) -> Void = { _ in })
        -> World
    {
        var world = World(Samples.trainingJob(nodes: nodes, change: change))
        world.nextFate = { pod in
            pod.isTrainer && pod.metadata.labels?[Anneal.Label.attempt] == "1" ? fate : .success
        }
        return world
    }

    @Test(arguments: [World.Fate.evicted, .stopped, .vanishes])
    func `interruptions do not count, and training goes on from the newest committed checkpoint`(
        fate: World.Fate
    ) throws {
        var world = Self.world(fate)
        world.run { $0.status?.trainingAttempts == 2 }
        let newest = try #require(world.committed.last)
        #expect(world.status?.countedFailures == nil)
        #expect(world.status?.conditions?.isTrue("Preempted") == false)
        #expect(world.status?.resume == newest)
        world.pass()
        let pod = try #require(world.state.pods["demo-train-2-0"])
        #expect(pod.spec?.containers.first?.env?.contains { $0.name == EnvironmentName.resumeFrom } == true)
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.violations == [])
    }

    @Test
    func `a pod that is deleted takes its gang along; both end gracefully before the next attempt`() {
        var world = World(Samples.trainingJob(nodes: 2))
        world.run { $0.state.pods["demo-train-1-1"]?.status?.phase == "Running" }
        world.pass()
        world.terminate("demo-train-1-1")
        world.pass()
        #expect(world.phase == .preparing)
        #expect(world.status?.reason == "PodDeleted")
        #expect(world.state.pods["demo-train-1-0"]?.metadata.deletionTimestamp != nil)
        world.pass()
        #expect(world.state.jobs["demo-prepare-2"] == nil, "the old pods still write to the workspace")
        world.run(until: .completed)
        #expect(world.violations == [])
    }

    @Test(arguments: [Int64(1), 2, 3, 137, 143])
    func `exit codes that nobody asked for count, with backoff`(code: Int64) throws {
        var world = Self.world(.exit(code))
        world.run { $0.phase == .preparing && $0.status?.trainingAttempts == 1 }
        #expect(world.status?.countedFailures == 1)
        #expect(world.status?.reason == "ExitCode\(code)")
        let current = try #require(world.status?.current)
        #expect(current.notBefore == current.startedAt.advanced(by: world.settings.backoffSeconds))
        world.run(until: .completed)
        #expect(world.phase == .completed)
    }

    @Test
    func `a run fails after backoffLimit counted failures, and waits twice as long after each`() {
        var world = World(
            Samples.trainingJob {
                $0.runPolicy = RunPolicy()
                $0.runPolicy?.backoffLimit = 2
            })
        world.nextFate = { $0.isTrainer ? .exit(1) : .success }
        var waits: [Int64] = []
        world.run { world in
            if let current = world.status?.current, let start = current.notBefore, current.stage == .preparing
            {
                let wait = start.seconds(since: current.startedAt)
                if waits.last != wait { waits.append(wait) }
            }
            return world.phase == .failed
        }
        #expect(world.phase == .failed)
        #expect(world.status?.trainingAttempts == 3)
        #expect(waits == [10, 20])
        #expect(world.status?.message?.contains("backoffLimit is 2") == true)
        #expect(
            world.status?.stages?.first { $0.name == .training }?.lastFailure?.contains("Traceback") == true)
    }

    @Test
    func `running out of memory fails at once, with what to change`() {
        var world = Self.world(.outOfMemory) {
            $0.hyperparameters = Hyperparameters()
            $0.hyperparameters?.batchSize = 64
        }
        world.run(until: .failed)
        #expect(world.status?.reason == "OOMKilled")
        #expect(world.status?.trainingAttempts == 1)
        #expect(
            world.status?.message?.contains(
                "reduce hyperparameters.batchSize (now 64) or maxSequenceLength, "
                    + "or raise trainer.resourcesPerNode.memory (now 4Gi)") == true)
    }

    @Test
    func `a trainer that says that its input is bad has no second attempt`() {
        var world = Self.world(.badInput)
        world.run(until: .failed)
        #expect(world.status?.reason == "DatasetNotFound")
        #expect(world.status?.message == "no such object")
        #expect(world.status?.trainingAttempts == 1)
    }

    @Test
    func `a trainer that beats is left alone, however long it takes`() {
        var world = World(Samples.trainingJob())
        world.trainingPasses = 30
        world.run { $0.state.pods["demo-train-1-0"]?.status?.phase == "Running" }
        for _ in 0..<20 {
            world.tick(seconds: 290)
            world.pass()
        }
        #expect(world.phase == .training)
        #expect(world.status?.trainingAttempts == 1)
    }

    @Test
    func `pods that no node takes give their place back after ten minutes, and queue again`() {
        var world = Self.world(.unschedulable, nodes: 2)
        world.run(until: .training)
        world.pass()
        world.pass()
        world.tick()
        world.pass()
        world.tick(seconds: 599)
        world.pass()
        #expect(world.phase == .training)
        world.tick(seconds: 15)
        world.pass()
        #expect(world.phase == .queued)
        #expect(world.state.pods.values.allSatisfy { !$0.isTrainer || $0.metadata.deletionTimestamp != nil })
        world.run(until: .completed)
        #expect(world.status?.trainingAttempts == 2)
        #expect(world.status?.countedFailures == nil)
    }

    @Test
    func `an image that can't be pulled fails the run after ten minutes, and says so before`() {
        var world = Self.world(.noImage)
        world.run { $0.status?.reason == "ImagePullFailed" }
        #expect(world.phase == .training)
        world.tick(seconds: 600)
        world.pass()
        #expect(world.phase == .failed)
        #expect(world.status?.message?.contains("imagePullSecrets") == true)
    }

    @Test
    func `interruptions in a row that bring nothing count in the end, so that the run ends`() {
        var world = World(Samples.trainingJob { $0.runPolicy = RunPolicy() })
        world.changeSpec { $0.runPolicy?.backoffLimit = 0 }
        world.commitsCheckpoints = false
        world.nextFate = { $0.isTrainer ? .stopped : .success }
        world.run(limit: 2000) { $0.phase == .failed }
        #expect(world.phase == .failed)
        #expect(world.status?.trainingAttempts == world.settings.maxFruitlessInterruptions)
        #expect(world.status?.message?.contains("10 interruptions in a row without progress") == true)
    }

    @Test
    func `the deadline is for all attempts together, and ends training gracefully`() {
        var world = World(
            Samples.trainingJob {
                $0.runPolicy = RunPolicy()
                $0.runPolicy?.activeDeadlineSeconds = 100
            })
        world.trainingPasses = 1000
        world.run { $0.status?.gpusHeldSince != nil }
        let started = world.status?.gpusHeldSince
        world.tick(seconds: 60)
        world.terminate("demo-train-1-0")
        world.pass()
        #expect(world.phase == .preparing)
        let trained = world.status?.trainedSeconds ?? 0
        #expect(trained == started.map { world.now.seconds(since: $0) })
        world.run { $0.status?.trainingAttempts == 2 && $0.status?.gpusHeldSince != nil }
        world.tick(seconds: 100 - trained)
        world.pass()
        #expect(world.phase == .failed)
        #expect(world.status?.reason == "DeadlineExceeded")
        #expect(world.state.pods["demo-train-2-0"]?.metadata.deletionTimestamp != nil)
    }

    @Test
    func `GPU seconds are the gang's GPUs times the time that its pods held them, added once`() throws {
        var world = World(Samples.trainingJob(nodes: 2))
        world.run { $0.status?.gpusHeldSince != nil }
        let since = try #require(world.status?.gpusHeldSince)
        world.run(until: .uploading)
        let finished = try #require(
            world.state.pods["demo-train-1-0"]?.status?.containerStatuses?.first?.state?.terminated?
                .finishedAt)
        #expect(world.status?.gpuSeconds == 2 * finished.seconds(since: since))
        #expect(world.status?.gpusHeldSince == nil)
        let seconds = world.status?.gpuSeconds
        world.run(until: .completed)
        #expect(world.status?.gpuSeconds == seconds)
        #expect(world.status?.gpus == 2)
    }

    @Test
    func `nothing is created before all pods fit at once, and then all are`() {
        var world = World(Samples.trainingJob(nodes: 3))
        world.hasCapacity = false
        world.run(until: .queued)
        for _ in 0..<5 {
            world.pass()
            world.tick()
        }
        #expect(world.phase == .queued)
        #expect(world.status?.message == "full")
        #expect(world.status?.conditions?["Admitted"]?.status == .false)
        #expect(!world.state.pods.values.contains { $0.isTrainer })
        world.hasCapacity = true
        world.pass()
        #expect(world.phase == .training)
        #expect(!world.state.pods.values.contains { $0.isTrainer }, "the attempt is written first")
        world.pass()
        #expect(!world.state.pods.values.contains { $0.isTrainer }, "the run is held before it holds GPUs")
        world.pass()
        #expect(world.state.pods.values.filter(\.isTrainer).count == 3)
        #expect(world.state.services.keys.sorted() == ["demo-train"])
    }

    @Test(arguments: garbage)
    func `annotations that make no sense are ignored, with one event`(text: String) {
        var world = World(Samples.trainingJob())
        world.trainingPasses = 50
        world.run { $0.status?.checkpoint != nil }
        let before = world.status
        for _ in 0..<3 {
            world.state.leases["demo-train-1"]?.metadata.annotations = [
                HeartbeatAnnotation.checkpoint: text, HeartbeatAnnotation.progress: "\(text)!",
            ]
            world.pass()
        }
        #expect(world.status?.checkpoint == before?.checkpoint)
        #expect(world.status?.progress == before?.progress)
        #expect(world.events.filter { $0.reason == "ProgressMalformed" }.count == 1)
        #expect(world.status?.conditions?["ProgressReported"]?.status == .false)
    }

    @Test
    func `a trainer's warnings are a condition and one event, during training and in the end`() throws {
        var world = World(Samples.trainingJob())
        world.trainingPasses = 20
        world.run { $0.status?.checkpoint != nil }
        #expect(world.status?.conditions?["TrainerWarned"] == nil)
        func warn(_ text: String) {
            world.state.leases["demo-train-1"]?.metadata.annotations?[HeartbeatAnnotation.warnings] = text
            world.pass()
            world.pass()
        }
        warn(#"["3 of 9 records teach nothing", "and\nmore"]"#)
        let told = try #require(world.status?.conditions?["TrainerWarned"])
        #expect(told.status == .true)
        #expect(told.message == "3 of 9 records teach nothing; and more")
        #expect(world.events.filter { $0.reason == "TrainerWarned" }.map(\.kind) == [.warning])
        warn(#"{"not": "a list"}"#)
        #expect(world.status?.conditions?["TrainerWarned"]?.message == told.message)
        #expect(world.status?.conditions?["ProgressReported"]?.status == .false)
        warn("[]")
        #expect(world.status?.conditions?["TrainerWarned"]?.status == .false)
        world.trainerWarnings = [String(repeating: "long ", count: 2000)]
        world.run(until: .completed)
        let end = try #require(world.status?.conditions?["TrainerWarned"])
        #expect(end.status == .true)
        #expect((1...900).contains(end.message.utf8.count))
        #expect(world.events.filter { $0.reason == "TrainerWarned" }.count == 2)
        #expect(world.violations == [])
    }

    static let garbage = [
        "", "null", "[]", "{", #"{"step":1}"#, String(repeating: "[", count: 100_000),
        #"{"step":-5,"attempt":1,"storageUri":"s3://x","manifestSha256":"00"}"#,
        // A checkpoint of another run.
        #"{"step":9,"attempt":1,"storageUri":"s3://artifacts/runs/other/checkpoints/attempt-0001/step-9","manifestSha256":"\#(Samples.sha)"}"#,
        // A checkpoint of an attempt that there was not.
        #"{"step":9,"attempt":7,"storageUri":"s3://artifacts/runs/0f8fad5b-d9cb-469f-a165-70867728950e/checkpoints/x","manifestSha256":"\#(Samples.sha)"}"#,
    ]
}
