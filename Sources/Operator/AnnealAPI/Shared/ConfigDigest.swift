import Encodings
import KubernetesAPI

extension TrainingJobSpec {
    /// SHA-256 of what decides the trained weights, as JSON with sorted keys: model, dataset,
    /// preprocessing, method, hyperparameters, and the trainer with its processes. Where and when it runs,
    /// and what follows training, is left out. Nil if a number in it is not finite.
    public var configDigest: String? {
        let relevant = TrainingConfiguration(
            model: model, dataset: dataset, preprocessing: preprocessing, method: method,
            hyperparameters: hyperparameters, image: trainer.image, command: trainer.command,
            args: trainer.args, env: trainer.env, numNodes: trainer.numNodes ?? 1,
            numProcPerNode: trainer.processesPerNode)
        guard let json = try? JSONValue(encoding: relevant) else { return nil }
        return Hexadecimal.sha256(json.serialized())
    }
}

extension Trainer {
    /// GPUs of a node: one unless the spec says otherwise.
    public var gpusPerNode: Int { resourcesPerNode?.gpus ?? 1 }
    /// Processes of a node: as many as it has GPUs unless the spec says otherwise, at least one.
    public var processesPerNode: Int { numProcPerNode ?? max(1, gpusPerNode) }
}

private struct TrainingConfiguration: Encodable {
    var model: StoredInput
    var dataset: DatasetReference
    var preprocessing: Preprocessing?
    var method: TrainingMethod
    var hyperparameters: Hyperparameters?
    var image: String
    var command: [String]?
    var args: [String]?
    var env: [EnvironmentVariable]?
    var numNodes: Int
    var numProcPerNode: Int
}
