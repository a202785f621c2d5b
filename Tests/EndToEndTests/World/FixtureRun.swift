import AnnealAPI
import KubernetesAPI

/// A TrainingJob of the fixture trainer: it takes seconds, and fails on demand.
struct FixtureRun: Sendable {
    var name: String
    var steps = 20
    var nodes = 1
    /// GPUs of each node of the training.
    var gpus = 0
    var checkpointEvery = 10
    var keepLast = 3
    var keepBest = 1
    /// Command of a transform in the preprocessing; empty for none.
    var transform: [String] = []
    /// Parameters of `trainer.py`.
    var parameters: [String: String] = [:]
    var storageEndpoint: String
    var dataset = FixtureInputs.dataset
    var datasetSha256: String?
    var runPolicy: [String: JSONValue] = [:]
    var idempotencyKey: String?
    /// Threshold of the evaluation; nil for a run without evaluation.
    var maxPerplexity: Double?
    /// Parameters of `evaluator.py`.
    var suiteParameters: [String: String] = [:]
    var registration: JSONValue?
    var gracePeriodSeconds = 5
    /// Whether the training pod has a volume of its own.
    var hasOwnVolume = false

    init(_ name: String, of team: Team, parameters: [String: String] = [:]) {
        self.name = name
        self.parameters = parameters
        storageEndpoint = team.servers.store.endpoint
    }

    private static func resources(gpus: Int = 0) -> JSONValue {
        ["gpus": .integer(Int64(gpus)), "cpu": "50m", "memory": "128Mi"]
    }

    var manifest: JSONValue {
        var dataset: JSONValue = ["storageUri": .string(self.dataset), "format": "promptCompletion"]
        dataset["sha256"] = datasetSha256.map(JSONValue.string)
        var preprocessing: JSONValue = ["deduplication": "exact"]
        if !transform.isEmpty {
            preprocessing["transform"] = [
                "image": "fixture/trainer:1", "command": .array(transform.map(JSONValue.string)),
            ]
        }
        var spec: JSONValue = [
            "method": "lora", "model": ["storageUri": .string(FixtureInputs.model)], "dataset": dataset,
            "preprocessing": preprocessing,
            "hyperparameters": [
                "maxSteps": .integer(Int64(steps)),
                "parameters": .object(parameters.mapValues(JSONValue.string)),
            ],
            "trainer": [
                "image": "fixture/trainer:1", "numNodes": .integer(Int64(nodes)),
                "resourcesPerNode": Self.resources(gpus: gpus), "shmSize": "16Mi",
                "terminationGracePeriodSeconds": .integer(Int64(gracePeriodSeconds)),
            ],
            "checkpoint": [
                "everySteps": .integer(Int64(checkpointEvery)), "keepLast": .integer(Int64(keepLast)),
                "keepBest": .integer(Int64(keepBest)),
            ],
            "workspace": [
                "size": "100Mi", "accessMode": nodes > 1 ? "ReadWriteMany" : "ReadWriteOnce",
                "ephemeral": .bool(hasOwnVolume),
            ],
            "storage": [
                "endpoint": .string(storageEndpoint), "pathStyle": true,
                "credentialsSecretName": "s3-credentials",
            ],
            "artifacts": ["storageUri": .string(FixtureInputs.artifacts)],
            "runPolicy": .object(runPolicy),
        ]
        spec["evaluation"] = maxPerplexity.map(evaluation)
        spec["registration"] = registration
        spec["idempotencyKey"] = idempotencyKey.map(JSONValue.string)
        return [
            "apiVersion": "anneal.dev/v1alpha1", "kind": "TrainingJob", "metadata": ["name": .string(name)],
            "spec": spec,
        ]
    }

    private func evaluation(_ maxPerplexity: Double) -> JSONValue {
        [
            "evaluator": ["image": "fixture/evaluator:1", "resources": Self.resources()],
            "suites": [
                [
                    "name": "quality", "type": "perplexity",
                    "parameters": .object(suiteParameters.mapValues(JSONValue.string)),
                ]
            ],
            "thresholds": [["metric": "quality/perplexity", "max": .number(maxPerplexity)]],
        ]
    }
}

/// Output of the fixture trainer.
struct FixtureModel: Sendable {
    var weights: String
    /// Attempt and step of each training step, in order.
    var history: [(attempt: Int64, step: Int64)]

    init(_ folder: CommittedFolder) throws {
        weights = folder.text("weights.txt") ?? ""
        let pairs = try JSONValue(parsing: folder.text("history.json") ?? "[]").arrayValue ?? []
        history = pairs.map { ($0[0]?.integerValue ?? 0, $0[1]?.integerValue ?? 0) }
    }
}
