import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// A run that takes over what a finished one has.
@Suite("A run that continues another")
struct ContinuationTests {
    /// A world in which a run continues another that has ended as `source` did.
    static func world(
        continuing source: World, checkpoint: ContinuationSource.Checkpoint? = nil,
        change: (inout TrainingJobSpec) -> Void = { _ in }
    ) -> World {
        var job = Samples.trainingJob()
        if let spec = source.state.job?.spec { job.spec = spec }
        job.spec.runPolicy = nil
        job.spec.continueFrom = ContinuationSource(trainingJob: "demo", checkpoint: checkpoint)
        change(&job.spec)
        job.metadata.name = "second"
        job.metadata.uid = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
        var world = World(job)
        world.now = source.now
        world.source = source.state.job
        world.state.sourceClaims = source.state.claims.mapValues { claim in
            var claim = claim
            claim.metadata.uid = "claim-of-demo"
            return claim
        }
        world.committed = source.committed
        world.hasUnsavedWork = source.hasUnsavedWork
        return world
    }

    static func finished(_ world: World, as phase: TrainingJobPhase) -> World {
        var world = world
        world.run(until: phase)
        for _ in 0..<3 {
            world.tick()
            world.pass()
        }
        return world
    }

    static var completed: World { finished(World(Samples.trainingJob()), as: .completed) }

    /// A run whose model is on its volume alone.
    static var denied: World {
        finished(
            DurabilityTests.world("upload", .accessDenied) {
                $0.runPolicy = RunPolicy()
                $0.runPolicy?.completionDeadlineSeconds = 600
            }, as: .failed)
    }

    /// A run whose checkpoints are on its volume alone.
    static var unsaved: World {
        var world = DurabilityTests.world("train", .outOfMemory)
        world.commitsCheckpoints = false
        return finished(world, as: .failed)
    }

    /// Stages of which something was created.
    static func stages(_ world: World) -> Set<String> {
        Set(
            world.created.map(\.key.name).compactMap { name in
                ["validate", "preprocess", "prepare", "train", "upload", "evaluate", "register"].first {
                    name.contains("-\($0)")
                }
            })
    }

    @Test
    func `a model that is there is registered again, and neither trained nor judged again`() {
        var world = Self.world(continuing: Self.completed) { $0.registration?.modelName = "other" }
        world.run(until: .completed)
        #expect(Self.stages(world) == ["validate", "register"])
        #expect(world.status?.output == world.source?.status?.output)
        #expect(world.status?.evaluation == world.source?.status?.evaluation)
        #expect(world.status?.conditions?["Continued"]?.reason == "ModelTaken")
        #expect(world.status?.gpuSeconds == nil)
        #expect(world.state.claims.isEmpty)
        #expect(world.violations == [])
    }

    @Test
    func `other thresholds are judged anew, on the same model`() throws {
        var world = Self.world(continuing: Self.completed) {
            $0.evaluation?.thresholds = [Threshold(metric: "quality/perplexity", max: 12)]
        }
        world.run { !$0.state.evalRuns.isEmpty }
        let child = try #require(world.state.evalRuns.values.first)
        #expect(child.spec.model.sha256 == world.source?.status?.output?.manifestSha256)
        #expect(
            child.spec.suites.first?.data?.storageUri
                == "s3://artifacts/runs/\(Self.uid)/data/validation.jsonl")
        world.run(until: .completed)
        #expect(Self.stages(world) == ["validate", "evaluate", "register"])
        #expect(world.violations == [])
    }

    private static let uid = "0f8fad5b-d9cb-469f-a165-70867728950e"

    @Test
    func `a run that is longer trains on from the newest checkpoint, with the same data`() throws {
        var world = Self.world(continuing: Self.completed) {
            $0.hyperparameters = Hyperparameters()
            $0.hyperparameters?.epochs = 5
        }
        world.run { $0.phase == .training && !$0.state.pods.isEmpty }
        let newest = try #require(world.source?.status?.checkpoint)
        #expect(world.status?.resume == newest)
        #expect(world.status?.trainingAttempts == 1)
        #expect(world.status?.dataset?.processedStorageUri == "s3://artifacts/runs/\(Self.uid)/data")
        world.run(until: .completed)
        #expect(Self.stages(world) == ["validate", "prepare", "train", "upload", "evaluate", "register"])
        #expect(world.status?.output?.storageUri.contains("7c9e6679") == true)
        #expect(world.violations == [])
    }

    @Test
    func `the best checkpoint is gone on from where the user asks for it`() throws {
        var source = Self.completed
        var best = try #require(source.committed.first)
        best.evalLoss = 0.5
        source.state.job?.status?.bestCheckpoint = best
        var world = Self.world(continuing: source, checkpoint: .best)
        world.run(until: .completed)
        #expect(world.status?.continuedFrom?.checkpoint == best)
        #expect(Self.stages(world).contains("train"))
    }

    @Test
    func `a model that is only on a volume is uploaded from there, by the run that takes the volume over`()
        throws
    {
        var world = Self.world(continuing: Self.denied)
        world.run(until: .completed)
        #expect(Self.stages(world) == ["validate", "upload", "evaluate", "register"])
        let upload = try #require(world.created.first { $0.key.name.contains("-upload") })
        #expect(upload.key.name == "second-upload-1")
        #expect(world.state.sourceClaims.isEmpty)
        #expect(world.status?.conditions?["Continued"]?.reason == "VolumeTaken")
        for _ in 0..<3 {
            world.tick()
            world.pass()
        }
        #expect(world.state.claims.isEmpty)
        #expect(world.violations == [])
    }

    @Test
    func `a checkpoint that is only on a volume is gone on from, with attempts that go on counting`() throws {
        var world = Self.world(continuing: Self.unsaved)
        let before = try #require(world.source?.status?.trainingAttempts)
        world.run { !$0.state.pods.values.filter(\.isTrainer).isEmpty }
        #expect(world.created.contains { $0.key.name == "second-train-\(before + 1)-0" })
        #expect(world.created.contains { $0.key.name.contains("-workspace") } == false)
        #expect(world.state.claims["demo-workspace"] != nil)
        world.run(until: .completed)
        #expect(world.violations == [])
    }

    @Test
    func `a volume that another run took over is told, and nothing begins anew`() {
        var world = Self.world(continuing: Self.denied)
        world.run { $0.status?.continuedFrom?.volume != nil }
        world.state.sourceClaims = [:]
        world.run(until: .failed)
        #expect(world.status?.reason == "VolumeLost")
        #expect(world.created.isEmpty)
    }

    @Test
    func `a model that is only on a volume is not trained over`() {
        var world = Self.world(continuing: Self.denied) {
            $0.hyperparameters = Hyperparameters()
            $0.hyperparameters?.epochs = 5
        }
        world.run(until: .failed)
        #expect(world.status?.reason == "ModelNotSaved")
        #expect(world.state.sourceClaims["demo-workspace"] != nil)
    }

    @Test
    func `a run whose volume has passed on says so`() {
        var source = Self.denied
        #expect(source.status?.conditions?["WorkspaceKept"]?.message.contains("spec.continueFrom") == true)
        #expect(!source.state.pods.isEmpty)
        source.state.claims = [:]
        for _ in 0..<3 {
            source.pass()
            source.tick()
        }
        // They would keep the volume, which goes with the run that has it now.
        #expect(source.state.pods.isEmpty)
        #expect(source.status?.conditions?["WorkspaceKept"]?.reason == "VolumeGone")
    }

    @Test
    func `a run that never had data is done anew`() {
        let source = Self.finished(DurabilityTests.world("validate", .badInput), as: .failed)
        var world = Self.world(continuing: source)
        world.run(until: .completed)
        #expect(
            Self.stages(world)
                == ["validate", "preprocess", "prepare", "train", "upload", "evaluate", "register"])
        #expect(world.status?.conditions?["Continued"]?.reason == "NothingTaken")
    }

    @Test
    func `a continued run can be continued`() {
        var second = Self.world(continuing: Self.completed) { $0.registration = nil }
        second = Self.finished(second, as: .completed)
        var third = Self.world(continuing: second) {
            $0.registration = Registration(modelName: "other", trackingUri: "http://mlflow:5000")
        }
        third.state.job?.metadata.uid = "16fd2706-8baf-433b-82eb-8c7fada847da"
        third.run(until: .completed)
        #expect(Self.stages(third) == ["validate", "register"])
        #expect(third.status?.output == second.source?.status?.output)
    }

    static let changes: [(field: String, change: @Sendable (inout TrainingJobSpec) -> Void)] = [
        ("spec.method", { $0.method = .full }),
        ("spec.model.storageUri", { $0.model.storageUri = "s3://models/other" }),
        ("spec.model.version", { $0.model.version = nil }),
        ("spec.model.sha256", { $0.model.sha256 = String(repeating: "0", count: 64) }),
        ("spec.dataset.storageUri", { $0.dataset.storageUri = "s3://data/other.jsonl" }),
        ("spec.dataset.format", { $0.dataset.format = .text }),
        ("spec.dataset.sha256", { $0.dataset.sha256 = String(repeating: "0", count: 64) }),
        (
            "spec.preprocessing.deduplication",
            {
                $0.preprocessing = Preprocessing()
                $0.preprocessing?.deduplication = Preprocessing.Deduplication.none
            }
        ),
        (
            "spec.hyperparameters.learningRate",
            {
                $0.hyperparameters = Hyperparameters()
                $0.hyperparameters?.learningRate = 0.1
            }
        ),
        (
            "spec.hyperparameters.parameters",
            {
                $0.hyperparameters = Hyperparameters()
                $0.hyperparameters?.parameters = ["own": "1"]
            }
        ),
        (
            "spec.hyperparameters.maxSteps",
            {
                $0.hyperparameters = Hyperparameters()
                $0.hyperparameters?.maxSteps = 1
            }
        ),
    ]

    @Test(arguments: changes.map(\.field))
    func `an input that differs is named and refused`(field: String) throws {
        let change = try #require(Self.changes.first { $0.field == field }?.change)
        var source = Self.completed
        source.state.job?.status?.dataset?.modelSha256 = Samples.sha
        var world = Self.world(continuing: source, change: change)
        world.run(until: .failed)
        #expect(world.status?.reason == "ContinuedInputsDiffer")
        #expect(world.status?.message?.hasPrefix("\(field):") == true)
        #expect(world.created.isEmpty)
    }

    @Test
    func `what the API server fills in is no difference, and neither is a digest that is right`() {
        var world = Self.world(continuing: Self.completed) {
            $0.preprocessing = Preprocessing()
            $0.preprocessing?.deduplication = .near
            $0.preprocessing?.seed = 42
            $0.dataset.sha256 = Samples.sha.uppercased()
            $0.trainer.image = "registry.example/sft:2"
        }
        world.run(until: .completed)
        #expect(world.status?.conditions?["Continued"]?.reason == "ModelTaken")
        #expect(world.status?.configSha256 == world.source?.status?.configSha256)
    }

    @Test
    func `only a run that is there and has finished can be continued`() {
        var missing = Self.world(continuing: Self.completed)
        missing.source = nil
        missing.run(until: .failed)
        #expect(missing.status?.reason == "SourceNotFound")
        #expect(missing.status?.message?.contains("spec.continueFrom.trainingJob") == true)

        var source = World(Samples.trainingJob())
        source.run(until: .training)
        var early = Self.world(continuing: source)
        early.run(until: .failed)
        #expect(early.status?.reason == "SourceNotFinished")

        var own = Self.world(continuing: Self.completed)
        own.source = own.state.job
        own.run(until: .failed)
        #expect(own.status?.reason == "SourceNotFound")
    }
}
