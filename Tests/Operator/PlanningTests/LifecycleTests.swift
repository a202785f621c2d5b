import AnnealAPI
import KubernetesAPI
import Planning
import Testing

@Suite("A TrainingJob's way")
struct LifecycleTests {
    @Test
    func `a run goes through every stage to Completed, once each`() {
        var world = World(Samples.trainingJob())
        var phases: [TrainingJobPhase] = []
        world.run { world in
            if let phase = world.phase, phases.last != phase { phases.append(phase) }
            return world.phase == .completed
        }
        #expect(
            phases == [
                .validating, .preprocessing, .preparing, .queued, .training, .uploading, .evaluating,
                .registering, .completed,
            ])
        #expect(world.violations == [])
        #expect(world.status?.stages?.allSatisfy { $0.attempts == 1 && $0.finishedAt != nil } == true)
        #expect(world.status?.progressPercent == "100 %")
        #expect(world.status?.conditions?.isTrue("Finished") == true)
        #expect(world.status?.conditions?["Finished"]?.reason == "Succeeded")
        #expect(world.status?.conditions?.isTrue("GatePassed") == true)
        #expect(world.status?.registeredModel?.version == "1")
        #expect(world.status?.evaluation?.metrics == ["quality/perplexity": 10])
        #expect(world.status?.progress?.initialEvalLoss == 2.5)
        #expect(world.status?.progress?.evalLoss == 1.25)
    }

    @Test(arguments: [true, false], [true, false])
    func `a run leaves out evaluation and registration where the spec does`(
        evaluation: Bool, registration: Bool
    ) {
        var world = World(Samples.trainingJob(evaluation: evaluation, registration: registration))
        world.run(until: .completed)
        #expect(world.phase == .completed)
        let stages = world.status?.stages?.map(\.name) ?? []
        #expect(stages.contains(.evaluating) == evaluation)
        #expect(stages.contains(.registering) == registration)
    }

    @Test
    func `a finished run gives no effects and an unchanged status`() throws {
        var world = World(Samples.trainingJob())
        world.run(until: .completed)
        for _ in 0..<5 {
            world.pass()
            world.tick()
        }
        let observation = try #require(world.observation())
        let plan = TrainingJobPlanner.plan(observation)
        #expect(plan.effects == [])
        #expect(plan.status == observation.run.status)
        #expect(plan.requeueAfter == nil)
        #expect(world.state.pods.isEmpty && world.state.jobs.isEmpty && world.state.claims.isEmpty)
    }

    @Test
    func `volume and finished pods are kept where the workspace is retained`() {
        var world = World(
            Samples.trainingJob {
                $0.workspace = Workspace()
                $0.workspace?.retention = .retain
            })
        world.run(until: .completed)
        world.pass()
        world.tick()
        #expect(world.state.claims.count == 1)
        #expect(world.state.pods.keys.contains("demo-train-1-0"))
    }

    @Test
    func `a missed threshold ends in EvalFailed with the numbers, and nothing is registered`() {
        var world = World(Samples.trainingJob())
        world.verdict = .failed
        world.perplexity = 31.5
        world.run(until: .evalFailed)
        #expect(world.phase == .evalFailed)
        #expect(world.status?.message?.contains("quality/perplexity is 31.5, above its max 20.0") == true)
        #expect(world.status?.conditions?["GatePassed"]?.status == .false)
        #expect(!world.hasCreated("demo-register-1"))
    }

    @Test
    func `an evaluation that errs fails the run, without a verdict`() {
        var world = World(Samples.trainingJob())
        world.verdict = .error
        world.run(until: .failed)
        #expect(world.phase == .failed)
        #expect(world.status?.reason == "EvaluationError")
        #expect(world.status?.evaluation?.passed == nil)
    }

    @Test
    func `an EvalRun of another model is no verdict on this one`() {
        var world = World(Samples.trainingJob())
        world.run { $0.phase == .evaluating && $0.status?.current?.launchedAt != nil }
        for name in world.state.evalRuns.keys { world.state.evalRuns[name]?.spec.model.sha256 = "other" }
        world.run(until: .failed)
        #expect(world.phase == .failed)
        #expect(world.status?.reason == "EvaluationMismatch")
    }

    enum Forgery: CaseIterable {
        case model, thresholds, suites, evaluator

        func change(_ spec: inout EvalRunSpec) {
            switch self {
            case .model: spec.model.sha256 = "other"
            case .thresholds: spec.thresholds = nil
            case .suites: spec.suites = [EvaluationSuite(name: "easy", type: .custom)]
            case .evaluator: spec.evaluator?.image = "example/flatterer:1"
            }
        }
    }

    @Test(arguments: Forgery.allCases)
    func `an EvalRun that somebody else made in the run's name is no verdict`(forgery: Forgery) {
        var world = World(Samples.trainingJob())
        world.run(until: .evaluating)
        world.pass()
        #expect(world.state.evalRuns.count == 1)
        for (name, var run) in world.state.evalRuns {
            forgery.change(&run.spec)
            world.state.evalRuns[name] = run
        }
        var reasons: Set<String> = []
        world.run { world in
            if let reason = world.status?.reason { reasons.insert(reason) }
            return world.phase?.isTerminal == true
        }
        #expect(reasons.contains("EvaluationMismatch"))
        #expect(world.phase == .completed)
        #expect(world.status?.evaluation?.name == "demo-evaluate-2")
    }

    @Test
    func `a stored EvalRun with the schema's defaults is the one that the run asked for`() throws {
        var world = World(Samples.trainingJob())
        world.run(until: .evaluating)
        world.pass()
        for name in world.state.evalRuns.keys {
            let stored = try #require(world.state.evalRuns[name]?.spec.withDefaults())
            #expect(stored != world.state.evalRuns[name]?.spec)
            world.state.evalRuns[name]?.spec = stored
        }
        world.run(until: .completed)
        #expect(world.status?.evaluation?.name == "demo-evaluate-1")
    }

    @Test
    func `a second live run with one idempotency key ends at once, naming the first`() throws {
        let world = World(Samples.trainingJob())
        var observation = try #require(world.observation())
        observation.conflictingRun = "earlier"
        let plan = TrainingJobPlanner.plan(observation)
        #expect(plan.status.phase == .failed)
        #expect(plan.status.reason == "DuplicateIdempotencyKey")
        #expect(plan.status.message?.contains("earlier") == true)
        #expect(!plan.makesChildren)
    }

    @Test
    func `a run is deleted when its time to live is over, and not before`() throws {
        var world = World(
            Samples.trainingJob {
                $0.runPolicy = RunPolicy()
                $0.runPolicy?.ttlSecondsAfterFinished = 100
            })
        world.run(until: .completed)
        world.pass()
        let end = try #require(world.status?.completionTime)
        world.now = end.advanced(by: 99)
        let before = TrainingJobPlanner.plan(try #require(world.observation()))
        #expect(before.requeueAfter == 1)
        #expect(!before.effects.contains { if case .deleteRun = $0 { true } else { false } })
        world.now = end.advanced(by: 100)
        world.pass()
        #expect(world.state.job == nil)
    }

    @Test(arguments: TrainingJobPhase.allCases)
    func `a run that is being deleted creates nothing and is Cancelled`(phase: TrainingJobPhase) throws {
        var job = Samples.trainingJob()
        job.status = TrainingJobStatus(phase: phase)
        job.status?.current = StageAttempt(stage: phase, attempt: 1, startedAt: Samples.start)
        job.metadata.deletionTimestamp = Samples.start
        job.metadata.finalizers = [Anneal.Finalizer.settle]
        let plan = TrainingJobPlanner.plan(try #require(World(job).observation()))
        #expect(!plan.makesChildren)
        #expect(plan.status.phase == (phase.isTerminal ? phase : .cancelled))
        #expect(plan.effects.contains(.removeFinalizer(Anneal.Finalizer.settle)))
    }

    @Test
    func `a run ends after the limit of a whole run, wherever it is then`() {
        var world = World(Samples.trainingJob())
        world.run(until: .preprocessing)
        world.tick(seconds: world.settings.runLimitSeconds)
        world.pass()
        #expect(world.phase == .failed)
        #expect(world.status?.reason == "RunTimeLimitExceeded")
    }

    @Test(arguments: InvalidSpec.all)
    func `a spec that nothing can be made from ends as InvalidSpec, naming the field`(_ wrong: InvalidSpec) {
        var world = World(Samples.trainingJob(change: wrong.change))
        world.pass()
        #expect(world.phase == .failed)
        #expect(world.status?.reason == "InvalidSpec")
        #expect(world.status?.message?.hasPrefix(wrong.field) == true, "\(world.status?.message ?? "")")
    }
}

struct InvalidSpec: Sendable, CustomTestStringConvertible {
    var field: String
    var change: @Sendable (inout TrainingJobSpec) -> Void
    var testDescription: String { field }

    static let all: [InvalidSpec] = [
        InvalidSpec(field: "spec.model.storageUri") { $0.model.storageUri = "models/base" },
        InvalidSpec(field: "spec.dataset.storageUri") { $0.dataset.storageUri = "s3:///key" },
        InvalidSpec(field: "spec.artifacts.storageUri") { $0.artifacts.storageUri = "" },
        InvalidSpec(field: "spec.trainer.numNodes") { $0.trainer.numNodes = 0 },
        InvalidSpec(field: "spec.trainer.numNodes") { $0.trainer.numNodes = .max },
        InvalidSpec(field: "spec.trainer.numProcPerNode") { $0.trainer.numProcPerNode = -1 },
        InvalidSpec(field: "spec.trainer.resourcesPerNode.gpus") { $0.trainer.resourcesPerNode?.gpus = .min },
        InvalidSpec(field: "spec.trainer.resourcesPerNode.memory") {
            $0.trainer.resourcesPerNode?.memory = "lots"
        },
        InvalidSpec(field: "spec.trainer.shmSize") { $0.trainer.shmSize = "-1Gi" },
        InvalidSpec(field: "spec.trainer.image") { $0.trainer.image = "" },
        InvalidSpec(field: "spec.evaluation.suites") { $0.evaluation?.suites = [] },
        InvalidSpec(field: "spec.evaluation.thresholds[0]") { $0.evaluation?.thresholds?[0].max = .nan },
    ]
}
