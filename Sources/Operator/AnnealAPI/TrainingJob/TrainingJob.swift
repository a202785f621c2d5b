import KubernetesAPI

/// One fine-tune, from dataset to registered model.
public struct TrainingJob: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        group: Anneal.group, version: Anneal.version, kind: "TrainingJob", plural: "trainingjobs")

    public var apiVersion: String? = TrainingJob.resourceType.apiVersion
    public var kind: String? = TrainingJob.resourceType.kind
    public var metadata: ObjectMeta
    public var spec: TrainingJobSpec
    public var status: TrainingJobStatus?

    public init(metadata: ObjectMeta, spec: TrainingJobSpec, status: TrainingJobStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

public struct TrainingJobSpec: Codable, Hashable, Sendable {
    /// The base model, a folder in S3.
    public var model: StoredInput
    public var dataset: DatasetReference
    public var preprocessing: Preprocessing?
    public var method: TrainingMethod
    public var hyperparameters: Hyperparameters?
    public var trainer: Trainer
    public var placement: Placement?
    public var checkpoint: CheckpointPolicy?
    public var workspace: Workspace?
    public var storage: StorageConnection?
    public var artifacts: Artifacts
    public var evaluation: EvaluationPolicy?
    public var registration: Registration?
    public var runPolicy: RunPolicy?
    /// Of two live runs with one key in a namespace, the later is refused.
    public var idempotencyKey: String?

    public init(
        model: StoredInput, dataset: DatasetReference, method: TrainingMethod, trainer: Trainer,
        artifacts: Artifacts
    ) {
        self.model = model
        self.dataset = dataset
        self.method = method
        self.trainer = trainer
        self.artifacts = artifacts
    }
}

public struct DatasetReference: Codable, Hashable, Sendable {
    /// `s3://bucket/key`: one `.jsonl` object, or a prefix of them.
    public var storageUri: String
    public var version: String?
    /// SHA-256 of the object, or of a prefix's manifest; lower-case hex.
    public var sha256: String?
    public var format: DatasetFormat

    public init(storageUri: String, format: DatasetFormat, version: String? = nil, sha256: String? = nil) {
        self.storageUri = storageUri
        self.format = format
        self.version = version
        self.sha256 = sha256
    }
}

/// What happens to records between S3 and training.
public struct Preprocessing: Codable, Hashable, Sendable {
    public enum Deduplication: String, Codable, Hashable, Sendable, CaseIterable {
        case none, exact, near
    }

    /// Default `near`.
    public var deduplication: Deduplication?
    /// Estimated Jaccard similarity from which two records are near-duplicates; default 0.85.
    public var similarityThreshold: Double?
    /// Characters of a record's text; shorter and longer ones are dropped.
    public var minLength: Int?
    public var maxLength: Int?
    /// The part of the records that validation gets; default 0.05.
    public var validationFraction: Double?
    /// Of the split; default 42.
    public var seed: Int64?
    /// Runs after the built-in steps with the records in `/workspace/data`, which it may rewrite.
    public var transform: Transform?

    public init() {}
}

/// A user's preprocessing container.
public struct Transform: Codable, Hashable, Sendable {
    public var image: String
    public var command: [String]?
    public var args: [String]?

    public init(image: String, command: [String]? = nil, args: [String]? = nil) {
        self.image = image
        self.command = command
        self.args = args
    }
}

public enum TrainingMethod: String, Codable, Hashable, Sendable, CaseIterable {
    case lora, qlora, full, reward, dpo, ppo
}

/// The known hyperparameters; a trainer's own go into `parameters`.
public struct Hyperparameters: Codable, Hashable, Sendable {
    public enum Schedule: String, Codable, Hashable, Sendable, CaseIterable {
        case cosine, linear, constant
    }

    public enum Precision: String, Codable, Hashable, Sendable, CaseIterable {
        case fp32, bf16, fp16
    }

    public var learningRate: Double?
    public var batchSize: Int?
    public var gradientAccumulationSteps: Int?
    public var epochs: Int?
    public var maxSteps: Int?
    public var maxSequenceLength: Int?
    public var warmupSteps: Int?
    public var weightDecay: Double?
    public var lrScheduler: Schedule?
    public var maxGradNorm: Double?
    public var seed: Int64?
    public var precision: Precision?
    public var loraRank: Int?
    public var loraAlpha: Int?
    public var loraDropout: Double?
    public var loraTargetModules: [String]?
    /// Passed on to the trainer as they are, as strings, in its configuration file.
    public var parameters: [String: String]?

    public init() {}
}

/// The program that trains and what it is given.
public struct Trainer: Codable, Hashable, Sendable {
    public var image: String
    public var command: [String]?
    public var args: [String]?
    public var env: [EnvironmentVariable]?
    /// Pods of a gang; default 1.
    public var numNodes: Int?
    /// Processes of a node; default: its GPUs, at least 1.
    public var numProcPerNode: Int?
    public var resourcesPerNode: NodeResources?
    /// Size of `/dev/shm`; default 1Gi.
    public var shmSize: String?
    /// From SIGTERM to SIGKILL: the time that a checkpoint takes; default 120.
    public var terminationGracePeriodSeconds: Int64?
    public var imagePullSecrets: [String]?

    public init(image: String) { self.image = image }
}

public struct CheckpointPolicy: Codable, Hashable, Sendable {
    /// Exactly one of `everySteps` and `everySeconds`; default 100 steps.
    public var everySteps: Int?
    public var everySeconds: Int?
    /// Newest checkpoints kept in S3; default 3.
    public var keepLast: Int?
    /// Best checkpoints, by `evalLoss`, kept besides; default 1.
    public var keepBest: Int?

    public init() {}
}

/// The volume that a run's stages share.
public struct Workspace: Codable, Hashable, Sendable {
    public enum Retention: String, Codable, Hashable, Sendable, CaseIterable {
        /// The volume goes when the run has finished.
        case deleteOnCompletion = "Delete"
        /// The volume stays until the TrainingJob is deleted.
        case retain = "Retain"
    }

    /// Default 20Gi.
    public var size: String?
    public var storageClassName: String?
    /// Default `ReadWriteOnce`; a run of several nodes needs `ReadWriteMany`.
    public var accessMode: String?
    public var retention: Retention?

    public init() {}
}

/// Where a run's checkpoints, data and model go: below `storageUri`, in a folder of the run's UID.
public struct Artifacts: Codable, Hashable, Sendable {
    public var storageUri: String

    public init(storageUri: String) { self.storageUri = storageUri }
}

public struct Registration: Codable, Hashable, Sendable {
    /// The registered model's name.
    public var modelName: String
    /// MLflow's address.
    public var trackingUri: String
    /// Default: the TrainingJob's namespace.
    public var experiment: String?
    /// A Secret with `username` and `password`, or `token`.
    public var credentialsSecretName: String?
    /// The commit of the training code, for the lineage.
    public var codeCommit: String?
    public var tags: [String: String]?

    public init(modelName: String, trackingUri: String) {
        self.modelName = modelName
        self.trackingUri = trackingUri
    }
}
