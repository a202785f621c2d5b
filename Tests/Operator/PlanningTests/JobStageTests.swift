import AnnealAPI
import KubernetesAPI
import Planning
import Testing

@Suite("A CPU stage")
struct JobStageTests {
    static let stages: [(TrainingJobPhase, String, Int)] = [
        (.validating, "validate", 3), (.preprocessing, "preprocess", 3), (.preparing, "prepare", 3),
        (.uploading, "upload", 0), (.registering, "register", 0),
    ]
    /// Stages that end by a number of attempts; those after training end by time.
    static let counted = stages.filter { $0.2 > 0 }

    @Test(arguments: stages)
    func `an attempt's number is written first, and its Job created in the next pass`(
        stage: TrainingJobPhase, word: String, tries: Int
    ) {
        var world = World(Samples.trainingJob())
        world.run(until: stage)
        #expect(world.status?.current?.attempt == 1)
        #expect(world.state.jobs["demo-\(word)-1"] == nil)
        world.pass()
        #expect(world.state.jobs["demo-\(word)-1"] != nil)
    }

    @Test
    func `a Job without a pod costs no write; lost then, the same Job is created again`() {
        var world = World(Samples.trainingJob())
        world.run(until: .validating)
        world.pass()
        let status = world.status
        world.pass()
        #expect(world.status == status)
        #expect(status?.current?.launchedAt == nil)
        world.state.jobs["demo-validate-1"] = nil
        world.pass()
        #expect(world.state.jobs["demo-validate-1"] != nil)
        #expect(world.status?.current?.attempt == 1)
        world.tick()
        world.pass()
        #expect(world.status?.current?.launchedAt != nil)
    }

    @Test(arguments: counted)
    func `a stage has as many attempts as its limit says, with waits that double, then fails the run`(
        stage: TrainingJobPhase, word: String, tries: Int
    ) {
        var world = World(Samples.trainingJob())
        world.nextFate = { $0.metadata.labels?[Anneal.Label.stage] == word ? .exit(1) : .success }
        var waits: [Int64] = []
        world.run { world in
            if let current = world.status?.current, let start = current.notBefore {
                let wait = start.seconds(since: current.startedAt)
                if waits.last != wait { waits.append(wait) }
            }
            return world.phase == .failed
        }
        #expect(world.phase == .failed)
        #expect(
            world.created.filter { $0.type == Job.resourceType && $0.key.name.contains(word) }.count == tries)
        #expect(waits == [10, 20, 40, 80].prefix(tries - 1).map { $0 })
        #expect(world.status?.message?.contains("after \(tries) attempts") == true)
        #expect(world.violations == [])
    }

    @Test(arguments: stages)
    func `a stage has no second attempt where the agent says that it can't help`(
        stage: TrainingJobPhase, word: String, tries: Int
    ) {
        var world = World(Samples.trainingJob())
        world.nextFate = { $0.metadata.labels?[Anneal.Label.stage] == word ? .badInput : .success }
        world.run(until: .failed)
        #expect(world.status?.reason == "DatasetNotFound")
        #expect(world.created.filter { $0.type == Job.resourceType && $0.key.name.contains(word) }.count == 1)
    }

    @Test
    func `what an agent warns of is told by events, and by a condition that stays with the run`() {
        var world = World(Samples.trainingJob())
        world.run(until: .preprocessing)
        #expect(world.status?.conditions?["DataQuestionable"] == nil)
        world.datasetReport.warnings = [
            StageWarning(reason: "ManyNearDuplicates", message: "471 of 600 records\nwere dropped"),
            StageWarning(reason: "no word", message: String(repeating: "long ", count: 1000)),
        ]
        world.run(until: .completed)
        let told = world.events.filter { $0.kind == .warning }
        #expect(told.map(\.reason) == ["ManyNearDuplicates", "Failed"])
        #expect(told.first?.note == "471 of 600 records were dropped")
        let condition = world.status?.conditions?["DataQuestionable"]
        #expect(condition?.status == .true && condition?.reason == "ManyNearDuplicates")
        #expect((1...900).contains(condition?.message.utf8.count ?? 0))
        #expect(world.violations == [])
    }

    @Test
    func `what validation learnt of the files and of the model's folder is used and kept`() throws {
        var world = World(Samples.trainingJob())
        world.datasetReport.dataset = DatasetSummary()
        world.datasetReport.dataset?.files = 2
        world.datasetReport.dataset?.filesFound = 3
        world.datasetReport.dataset?.modelStorageUri = "s3://models/cache/snapshots/abc"
        world.run(until: .preprocessing)
        world.datasetReport.dataset = nil
        world.run { $0.state.evalRuns["demo-evaluate-1"] != nil }
        #expect(world.status?.dataset?.files == 2 && world.status?.dataset?.filesFound == 3)
        let prepare = try #require(world.state.jobs["demo-prepare-1"]?.spec?.template.metadata?.annotations)
        #expect(prepare.values.contains { $0.contains("s3://models/cache/snapshots/abc") })
        #expect(
            world.state.evalRuns["demo-evaluate-1"]?.spec.baseModel?.storageUri
                == "s3://models/cache/snapshots/abc")
        #expect(world.state.job?.spec.model.storageUri == "s3://models/base")
    }

    @Test(arguments: [World.Fate.evicted, .vanishes])
    func `a stage that lost its pod has another attempt that does not count`(fate: World.Fate) {
        var world = World(Samples.trainingJob())
        world.nextFate = { pod in
            let attempt = pod.metadata.labels?[Anneal.Label.attempt].flatMap { Int($0) } ?? 1
            return pod.metadata.labels?[Anneal.Label.stage] == "validate" && attempt <= 5 ? fate : .success
        }
        world.run(until: .preprocessing)
        #expect(world.phase == .preprocessing)
        #expect(world.status?.stages?.first?.attempts == 6)
    }

    @Test
    func `a stage that is always lost fails in the end`() {
        var world = World(Samples.trainingJob())
        world.nextFate = { _ in .evicted }
        world.run(limit: 3000) { $0.phase == .failed }
        #expect(world.phase == .failed)
        #expect(world.status?.reason == "EvictionByEvictionAPI")
    }

    @Test
    func `a stage waits a little for its pod's report, then counts it as lost`() {
        var world = World(Samples.trainingJob())
        world.run { $0.state.jobs["demo-validate-1"]?.isComplete == true }
        world.state.pods = [:]
        world.pass()
        #expect(world.phase == .validating && world.status?.current?.attempt == 1)
        world.now = world.now.advanced(by: world.settings.reportWaitSeconds)
        world.pass()
        #expect(world.status?.current?.attempt == 2)
        #expect(world.status?.current?.failures == nil)
        #expect(world.status?.current?.interruptions == 1)
    }

    @Test(arguments: stages)
    func `a suspended stage begins anew with an attempt that does not count`(
        stage: TrainingJobPhase, word: String, tries: Int
    ) {
        var world = World(Samples.trainingJob { $0.runPolicy = RunPolicy() })
        world.run(until: stage)
        world.pass()
        world.changeSpec { $0.runPolicy?.suspend = true }
        world.pass()
        #expect(world.phase == .suspended)
        #expect(world.state.jobs["demo-\(word)-1"] == nil)
        #expect(world.status?.conditions?.isTrue("Suspended") == true)
        world.tick(seconds: 1000)
        world.pass()
        let before = world.status
        world.pass()
        #expect(world.status == before)
        world.changeSpec { $0.runPolicy?.suspend = false }
        world.pass()
        #expect(world.phase == stage)
        #expect(world.status?.current?.attempt == 2)
        #expect(world.status?.current?.failures == nil)
        #expect(world.status?.suspendedSeconds == 1000)
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.violations == [])
    }

    @Test
    func `training that was suspended saves a checkpoint, and goes on from it through Preparing`() throws {
        var world = World(Samples.trainingJob { $0.runPolicy = RunPolicy() })
        world.trainingPasses = 20
        world.run { $0.status?.checkpoint != nil }
        world.changeSpec { $0.runPolicy?.suspend = true }
        world.pass()
        #expect(world.phase == .suspended && world.status?.suspendedFrom == .training)
        #expect(world.state.pods["demo-train-1-0"]?.metadata.deletionTimestamp != nil)
        world.tick()
        world.tick()
        world.pass()
        let last = try #require(world.committed.last)
        #expect(world.status?.checkpoint == last, "what it saved on SIGTERM is seen")
        #expect(world.status?.gpusHeldSince == nil)
        world.changeSpec { $0.runPolicy?.suspend = false }
        world.pass()
        #expect(world.phase == .preparing)
        world.run { $0.status?.trainingAttempts == 2 }
        #expect(world.status?.resume == last)
        #expect(world.status?.countedFailures == nil)
        world.run(until: .completed)
        #expect(world.violations == [])
    }

    @Test
    func `a checkpoint that prepare can't vouch for is not resumed from`() {
        var world = World(Samples.trainingJob())
        world.nextFate = { pod in pod.isTrainer ? .stopped : .success }
        world.run { $0.status?.trainingAttempts == 1 && $0.phase == .preparing }
        world.committed = [
            CheckpointReference(
                step: 10, attempt: 1, storageUri: "s3://elsewhere/step-10", manifestSha256: Samples.sha)
        ]
        world.run(until: .failed)
        #expect(world.status?.reason == "InvalidReport")
        #expect(world.status?.trainingAttempts == 1)
    }

    @Test
    func `a pod on a lost node is removed by force, long after its grace period`() {
        var world = World(Samples.trainingJob())
        world.trainingPasses = 20
        world.run { $0.state.pods["demo-train-1-0"]?.status?.phase == "Running" }
        world.terminate("demo-train-1-0")
        world.pass()
        world.pass()
        world.now = world.now.advanced(by: 30 + world.settings.forceDeleteSeconds - 1)
        world.pass()
        #expect(world.state.pods["demo-train-1-0"] != nil)
        world.now = world.now.advanced(by: 1)
        world.pass()
        #expect(world.state.pods["demo-train-1-0"] == nil)
    }
}

extension Job {
    var isComplete: Bool { status?.conditions?.contains { $0.type == "Complete" } == true }
}
