import AnnealAPI
import KubernetesAPI
import Planning
import SeededRandomness

/// Runs to plan for.
enum Samples {
    static let start = Timestamp(seconds: 1_800_000_000)
    static let sha = String(repeating: "ab", count: 32)
    static var settings: PlannerSettings { PlannerSettings(agentImage: "registry.example/agent:1") }

    static func trainingJob(
        nodes: Int = 1, evaluation: Bool = true, registration: Bool = true,
        change: (inout TrainingJobSpec) -> Void = { _ in }
    ) -> TrainingJob {
        var trainer = Trainer(image: "registry.example/sft:1")
        trainer.numNodes = nodes
        trainer.resourcesPerNode = NodeResources(gpus: 1, cpu: "2", memory: "4Gi")
        var spec = TrainingJobSpec(
            model: StoredInput(storageUri: "s3://models/base", version: "1"),
            dataset: DatasetReference(storageUri: "s3://data/train.jsonl", format: .promptCompletion),
            method: .lora, trainer: trainer, artifacts: Artifacts(storageUri: "s3://artifacts/runs/"))
        spec.storage = StorageConnection(
            endpoint: "http://s3:9000", pathStyle: true, credentialsSecretName: "s3")
        if nodes > 1 {
            spec.workspace = Workspace()
            spec.workspace?.accessMode = "ReadWriteMany"
        }
        if evaluation {
            spec.evaluation = EvaluationPolicy(
                evaluator: Evaluator(image: "registry.example/evaluate:1"),
                suites: [EvaluationSuite(name: "quality", type: .perplexity)],
                thresholds: [Threshold(metric: "quality/perplexity", max: 20)])
        }
        if registration {
            spec.registration = Registration(modelName: "assistant", trackingUri: "http://mlflow:5000")
            spec.registration?.codeCommit = "0123abc"
        }
        change(&spec)
        return TrainingJob(metadata: metadata("demo"), spec: spec)
    }

    static func evalRun(
        suites: [String] = ["quality", "facts"], change: (inout EvalRunSpec) -> Void = { _ in }
    ) -> EvalRun {
        var spec = EvalRunSpec(
            model: StoredInput(storageUri: "s3://artifacts/runs/u/model", sha256: sha),
            suites: suites.map { name in
                var suite = EvaluationSuite(name: name, type: .perplexity)
                suite.data = StoredInput(storageUri: "s3://data/\(name).jsonl")
                return suite
            })
        spec.evaluator = Evaluator(image: "registry.example/evaluate:1")
        spec.evaluator?.resources = NodeResources(gpus: 1, cpu: "1", memory: "1Gi")
        spec.thresholds = [Threshold(metric: "quality/perplexity", max: 20)]
        change(&spec)
        return EvalRun(metadata: metadata("check"), spec: spec)
    }

    private static func metadata(_ name: String) -> ObjectMeta {
        var metadata = ObjectMeta(name: name, namespace: "team")
        metadata.uid = "0f8fad5b-d9cb-469f-a165-70867728950e"
        metadata.generation = 1
        metadata.resourceVersion = "1"
        metadata.creationTimestamp = start
        return metadata
    }
}

extension SeededGenerator {
    /// The random numbers of one simulation. Its number is spread over all bits first.
    init(simulation number: UInt64) {
        self.init(seed: number &* 0x9E37_79B9_7F4A_7C15 &+ 0xD1B5_4A32_D192_ED03)
    }
}
