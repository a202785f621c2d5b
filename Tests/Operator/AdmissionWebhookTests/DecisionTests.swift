import AnnealAPI
import KubernetesAPI
import Planning
import Testing

@testable import AdmissionWebhook

@Suite("Decisions about runs")
struct DecisionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var field: String
        var says: String
        var change: @Sendable (inout TrainingJobSpec) -> Void
    }

    static let refused: [Case] = [
        Case(testDescription: "a reserved variable", field: "spec.trainer.env[1].name", says: "HOME") {
            $0.trainer.env = [
                EnvironmentVariable(name: "A", value: "1"), EnvironmentVariable(name: "HOME", value: "/root"),
            ]
        },
        Case(
            testDescription: "a parameter that is a field",
            field: "spec.hyperparameters.parameters[learningRate]", says: "spec.hyperparameters.learningRate"
        ) {
            $0.hyperparameters = Hyperparameters()
            $0.hyperparameters?.parameters = ["learningRate": "0.1"]
        },
        Case(
            testDescription: "a parameter that names the run's dataset",
            field: "spec.hyperparameters.parameters[dataset]", says: "choose another name"
        ) {
            $0.hyperparameters = Hyperparameters()
            $0.hyperparameters?.parameters = ["dataset": "mine"]
        },
        Case(
            testDescription: "memory without a unit", field: "spec.trainer.resourcesPerNode.memory",
            says: "Gi"
        ) {
            $0.trainer.resourcesPerNode?.memory = "16"
        },
        Case(
            testDescription: "memory in thousandths", field: "spec.trainer.resourcesPerNode.memory",
            says: "500m"
        ) {
            $0.trainer.resourcesPerNode?.memory = "500m"
        },
        Case(testDescription: "memory beyond 64 bits", field: "spec.workspace.size", says: "at most") {
            $0.workspace = Workspace()
            $0.workspace?.size = "16Ei"
        },
        Case(
            testDescription: "CPUs of a whole cluster", field: "spec.trainer.resourcesPerNode.cpu",
            says: "500m"
        ) {
            $0.trainer.resourcesPerNode?.cpu = "4Gi"
        },
        Case(testDescription: "a small /dev/shm", field: "spec.trainer.shmSize", says: "at least 1Mi") {
            $0.trainer.shmSize = "64"
        },
        Case(testDescription: "what the schema refuses", field: "spec.trainer.numNodes", says: "256") {
            $0.trainer.numNodes = 1000
            $0.workspace = Workspace()
            $0.workspace?.accessMode = "ReadWriteMany"
        },
        Case(testDescription: "a rule of the schema", field: "spec.dataset.format", says: "preference") {
            $0.method = .dpo
        },
        Case(
            testDescription: "parameters that no annotation holds", field: "spec.hyperparameters.parameters",
            says: "Too long"
        ) {
            $0.hyperparameters = Hyperparameters()
            let wide = String(repeating: "语", count: 1024)
            $0.hyperparameters?.parameters = Dictionary(
                uniqueKeysWithValues: (0..<64).map { ("p\($0)", wide) })
        },
    ]

    @Test(arguments: refused)
    func `a TrainingJob that would fail is refused when it is applied`(_ example: Case) throws {
        let decision = ReviewSamples.controller.validate(
            ReviewSamples.request(ReviewSamples.trainingJob(example.change)))
        #expect(decision.status?.code == 422)
        let cause = try #require(
            decision.causes.first { $0.field == example.field }, "\(decision.causes)")
        #expect(cause.message?.contains(example.says) == true, "\(cause.message ?? "")")
    }

    @Test
    func `a sound TrainingJob and a sound EvalRun pass, without a warning and without a change`() {
        #expect(
            ReviewSamples.controller.validate(ReviewSamples.request(ReviewSamples.trainingJob()))
                == .allowed())
        #expect(
            ReviewSamples.controller.validate(ReviewSamples.request(ReviewSamples.evalRun())) == .allowed())
    }

    @Test(arguments: refused)
    func `a fault that an object already has does not keep it from being changed`(_ example: Case) {
        let old = ReviewSamples.trainingJob(example.change)
        var new = old
        new.spec.runPolicy = RunPolicy()
        new.spec.runPolicy?.suspend = true
        #expect(ReviewSamples.controller.validate(ReviewSamples.request(new, replacing: old)).isAllowed)
        let decision = ReviewSamples.controller.validate(
            ReviewSamples.request(new, replacing: ReviewSamples.trainingJob()))
        #expect(decision.causes.contains { $0.field == example.field })
    }

    @Test
    func `an object that can't be read loses its finalizer all the same, and is created by nobody`() {
        var request = ReviewSamples.request(
            ReviewSamples.trainingJob(), replacing: ReviewSamples.trainingJob())
        request.object?[path: ["spec", "trainer"]] = "x"
        request.oldObject?[path: ["spec", "trainer"]] = "x"
        request.object?[path: ["metadata", "finalizers"]] = []
        #expect(ReviewSamples.controller.validate(request) == .allowed())
        request.object?[path: ["spec", "method"]] = "dpo"
        #expect(ReviewSamples.controller.validate(request).isAllowed)
        request.oldObject = nil
        request.operation = .create
        let refusal = ReviewSamples.controller.validate(request)
        #expect(refusal.status?.message?.contains("spec.trainer") == true)
    }

    @Test
    func `a key of a live run is refused, but not to that run itself`() {
        let settings = PlannerSettings(agentImage: "a")
        let controller = AdmissionController([
            .trainingJob(settings: settings) { namespace, key in
                namespace == "team" && key == "nightly" ? "first" : nil
            }
        ])
        let keyed: (inout TrainingJobSpec) -> Void = { $0.idempotencyKey = "nightly" }
        let second = controller.validate(
            ReviewSamples.request(ReviewSamples.trainingJob(keyed, name: "second")))
        #expect(second.causes.first?.field == "spec.idempotencyKey")
        #expect(second.causes.first?.message?.contains("\"first\"") == true)
        #expect(
            controller.validate(ReviewSamples.request(ReviewSamples.trainingJob(keyed, name: "first")))
                .isAllowed)
        let other = ReviewSamples.trainingJob({ $0.idempotencyKey = "weekly" })
        #expect(controller.validate(ReviewSamples.request(other)).isAllowed)
    }

    @Test
    func `a finished run's policy may be changed, with a warning, and its time to live without`() {
        var old = ReviewSamples.trainingJob()
        old.status = TrainingJobStatus(phase: .completed)
        var new = old
        new.spec.runPolicy = RunPolicy()
        new.spec.runPolicy?.ttlSecondsAfterFinished = 60
        #expect(ReviewSamples.controller.validate(ReviewSamples.request(new, replacing: old)) == .allowed())
        new.spec.runPolicy?.backoffLimit = 7
        let decision = ReviewSamples.controller.validate(ReviewSamples.request(new, replacing: old))
        #expect(decision.isAllowed)
        #expect(decision.warnings.count == 1)
        #expect(decision.warnings.first?.contains("Completed") == true)
    }

    @Test
    func `allowed settings that are surely not meant are warned of`() {
        let job = ReviewSamples.trainingJob {
            $0.trainer.shmSize = "8Gi"
            $0.runPolicy = RunPolicy()
            $0.runPolicy?.heartbeatTimeoutSeconds = 10
            $0.runPolicy?.activeDeadlineSeconds = 7200
            $0.checkpoint = CheckpointPolicy()
            $0.checkpoint?.everySteps = 100
            $0.hyperparameters = Hyperparameters()
            $0.hyperparameters?.maxSteps = 50
            $0.placement = Placement()
            $0.placement?.pool = .development
            $0.evaluation = EvaluationPolicy(
                evaluator: Evaluator(image: "e"), suites: [EvaluationSuite(name: "q", type: .perplexity)],
                thresholds: [Threshold(metric: "q/perplexty", max: 9)])
        }
        let decision = ReviewSamples.controller.validate(ReviewSamples.request(job))
        #expect(decision.isAllowed)
        for part in [
            "shmSize", "heartbeatTimeoutSeconds", "everySteps", "activeDeadlineSeconds", "perplexty",
        ] {
            #expect(decision.warnings.contains { $0.contains(part) }, "\(part)")
        }
        #expect(decision.warnings.count == 5)
    }

    @Test
    func `every hyperparameter that has a field is known as one`() throws {
        let schema = try #require(
            CustomResourceDefinition.trainingJob.schema.properties["spec"]?.properties["hyperparameters"])
        for name in schema.properties.keys where name != "parameters" {
            let job = ReviewSamples.trainingJob {
                $0.hyperparameters = Hyperparameters()
                $0.hyperparameters?.parameters = [name: "1"]
            }
            let decision = ReviewSamples.controller.validate(ReviewSamples.request(job))
            #expect(!decision.isAllowed, "\(name)")
        }
    }

    @Test
    func `other kinds are refused with a remedy; deletions and the status are left alone`() {
        var request = ReviewSamples.request(ReviewSamples.trainingJob())
        request.kind = "Widget"
        for decision in [
            ReviewSamples.controller.validate(request), ReviewSamples.controller.mutate(request),
        ] {
            #expect(decision.status?.code == 400)
            #expect(decision.status?.message?.contains("Widget of anneal.dev/v1alpha1") == true)
            #expect(decision.status?.message?.contains("upgrade the operator") == true)
        }
        request.kind = "TrainingJob"
        request.version = "v2"
        #expect(ReviewSamples.controller.validate(request).status?.code == 400)
        request.version = "v1alpha1"
        request.subresource = "status"
        request.object?[path: ["metadata", "annotations"]] = nil
        #expect(ReviewSamples.controller.validate(request) == .allowed())
        #expect(ReviewSamples.controller.mutate(request) == .allowed())
        request.subresource = nil
        request.operation = .delete
        request.object = nil
        #expect(ReviewSamples.controller.validate(request) == .allowed())
        #expect(ReviewSamples.controller.mutate(request) == .allowed())
    }
}
