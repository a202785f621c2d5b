import KubernetesAPI

/// TrainingJob is one fine-tune, from a dataset in S3 to an evaluated, registered model.
public struct TrainingJob: KubernetesResource, Hashable {
    /// `trainingjobs` of `anneal.dev/v1alpha1`, namespaced.
    public static let resourceType = ResourceType(
        group: Anneal.group, version: Anneal.version, kind: "TrainingJob", plural: "trainingjobs")

    /// `anneal.dev/v1alpha1`; nil in an item of a list, which leaves it out.
    public var apiVersion: String? = TrainingJob.resourceType.apiVersion
    /// `TrainingJob`; nil in an item of a list, which leaves it out.
    public var kind: String? = TrainingJob.resourceType.kind
    /// Name, namespace, labels and the like.
    public var metadata: ObjectMeta
    /// The model to train, the records, the method, and the bounds that the result must keep.
    public var spec: TrainingJobSpec
    /// State of the run as the operator saw and left it. Nil until the operator has seen the run.
    public var status: TrainingJobStatus?

    /// A run as a user writes it, or with the status that an operator gave it.
    public init(metadata: ObjectMeta, spec: TrainingJobSpec, status: TrainingJobStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

/// Wishes of a user. All but `runPolicy` stay as they were when the run was created.
public struct TrainingJobSpec: Codable, Hashable, Sendable {
    /// The base model: a folder in S3.
    public var model: StoredInput
    /// The records to train on.
    public var dataset: DatasetReference
    /// Treatment of the records before training. Nil: every default applies.
    public var preprocessing: Preprocessing?
    /// Way of training: lora and qlora train an adapter, full all weights; reward, dpo and ppo are the steps
    /// of alignment and need a trainer that knows them.
    public var method: TrainingMethod
    /// Known hyperparameters; a trainer's own go into parameters. Nil leaves all to the trainer.
    public var hyperparameters: Hyperparameters?
    /// The program that trains, its processes and their resources.
    public var trainer: Trainer
    /// Nodes that GPU pods may run on. Nil: any that has the GPUs.
    public var placement: Placement?
    /// Intervals of checkpoints, and the number that is kept in S3. Every 100 steps if neither interval is
    /// given. Nil: every default applies.
    public var checkpoint: CheckpointPolicy?
    /// The volume that the stages share. Nil: every default applies.
    public var workspace: Workspace?
    /// Access to S3. AWS in us-east-1 if absent.
    public var storage: StorageConnection?
    /// Place of checkpoints, processed data and the model.
    public var artifacts: Artifacts
    /// Judgement of the model: suites and thresholds. No evaluation, and no gate, if absent.
    public var evaluation: EvaluationPolicy?
    /// The model's entry in MLflow. Not registered if absent.
    public var registration: Registration?
    /// Bounds of the run's time and failures, and the wish to suspend it. Nil: every default applies.
    public var runPolicy: RunPolicy?
    /// A finished run of the namespace whose results this one takes over. Nil: the run begins anew.
    public var continueFrom: ContinuationSource?
    /// Key of a wish: of two live runs with one key in a namespace, the later ends at once. Nil: no such
    /// check.
    public var idempotencyKey: String?

    /// A spec with what every run must have; all else is nil, and its default applies.
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

/// A dataset in S3, with what is known of it beforehand.
public struct DatasetReference: Codable, Hashable, Sendable {
    /// `s3://bucket/key`: one object of JSON lines, as it is or in gzip, or a prefix of them, with or without splits.
    public var storageUri: String
    /// Name that the team gives this version; recorded in the model's lineage. Nil: the lineage has none.
    public var version: String?
    /// SHA-256 of the object, or of the prefix's list of objects, 64 lower-case hexadecimal digits. The run
    /// fails if it is another. Nil: any content is taken, and its digest recorded.
    public var sha256: String?
    /// Shape of a record: promptCompletion {prompt, completion}, messages {messages: [{role, content}]},
    /// text {text}, preference {prompt, chosen, rejected}.
    public var format: DatasetFormat

    /// A dataset of one format, with or without a version and a digest to hold it against.
    public init(storageUri: String, format: DatasetFormat, version: String? = nil, sha256: String? = nil) {
        self.storageUri = storageUri
        self.format = format
        self.version = version
        self.sha256 = sha256
    }
}

/// Treatment of records between S3 and training.
public struct Preprocessing: Codable, Hashable, Sendable {
    /// Records that count as copies of an earlier one and are dropped.
    public enum Deduplication: String, Codable, Hashable, Sendable, CaseIterable {
        /// No record counts as a copy.
        case none
        /// A record with the same text does.
        case exact
        /// A record with the same answer and nearly the same question does too, as MinHash estimates; what many
        /// questions share, as those of one template do, is left aside.
        case near
    }

    /// Copies that are dropped: none; exact ones; or near-duplicates too, of which the answer is the same and the
    /// question nearly so (MinHash). Default near.
    public var deduplication: Deduplication?
    /// Estimated Jaccard similarity of the questions' groups of five words, 0.5 to 1, from which two records with
    /// the same answer count as near-duplicates. Default 0.85.
    public var similarityThreshold: Double?
    /// Records with fewer characters are dropped. Nil: none is too short.
    public var minLength: Int?
    /// Records with more characters are dropped. Nil: none is too long.
    public var maxLength: Int?
    /// Part of the records, 0 to 0.5, that is held back for validation, unless the dataset has a validation split.
    /// Default 0.05.
    public var validationFraction: Double?
    /// Seed of the split. Default 42.
    public var seed: Int64?
    /// A container that may rewrite train.jsonl and validation.jsonl in /workspace/data, after the built-in
    /// steps. Nil: nothing does.
    public var transform: Transform?

    /// Preprocessing by defaults alone.
    public init() {}
}

/// A user's preprocessing container.
public struct Transform: Codable, Hashable, Sendable {
    /// Image of the container.
    public var image: String
    /// Replaces the image's entry point. Nil: the image's own is kept.
    public var command: [String]?
    /// Arguments of the program. Nil: the image's own are kept.
    public var args: [String]?

    /// A container that runs `image`, by its own entry point and arguments unless others are given.
    public init(image: String, command: [String]? = nil, args: [String]? = nil) {
        self.image = image
        self.command = command
        self.args = args
    }
}

/// Way of training.
public enum TrainingMethod: String, Codable, Hashable, Sendable, CaseIterable {
    /// An adapter of low rank on a frozen base model.
    case lora
    /// The same on a base model of 4-bit weights; needs GPUs.
    case qlora
    /// All weights.
    case full
    /// A reward model, from preferences.
    case reward
    /// Direct preference optimisation, from preferences.
    case dpo
    /// Proximal policy optimisation against a reward model.
    case ppo
}

/// The known hyperparameters; a trainer's own go into `parameters`. One that is nil is left out of the
/// trainer's configuration, and the trainer's default applies.
public struct Hyperparameters: Codable, Hashable, Sendable {
    /// Course of the learning rate after the warm-up.
    public enum Schedule: String, Codable, Hashable, Sendable, CaseIterable {
        /// Falls along half a cosine, to 0.
        case cosine
        /// Falls along a line, to 0.
        case linear
        /// Stays.
        case constant
    }

    /// Arithmetic of training.
    public enum Precision: String, Codable, Hashable, Sendable, CaseIterable {
        /// IEEE 754 floats of 32 bits.
        case fp32
        /// Brain floats of 16 bits: range of fp32, 8 bits of precision.
        case bf16
        /// IEEE 754 floats of 16 bits.
        case fp16
    }

    /// Peak learning rate, above 0. Nil: the trainer's default.
    public var learningRate: Double?
    /// Records of a step, on each process. Nil: the trainer's default.
    public var batchSize: Int?
    /// Micro-steps of an optimiser step. Nil: the trainer's default.
    public var gradientAccumulationSteps: Int?
    /// Passes over the data. Nil: the trainer's default.
    public var epochs: Int?
    /// Optimiser steps at most; ends training before epochs do. Nil: epochs alone end it.
    public var maxSteps: Int?
    /// Tokens of a record; longer ones are cut. Nil: the trainer's default.
    public var maxSequenceLength: Int?
    /// Steps of linear warm-up. Nil: the trainer's default.
    public var warmupSteps: Int?
    /// AdamW's weight decay, 0 to 1. Nil: the trainer's default.
    public var weightDecay: Double?
    /// Course of the learning rate after the warm-up. Nil: the trainer's default.
    public var lrScheduler: Schedule?
    /// Norm that gradients are clipped to. Nil: the trainer's default.
    public var maxGradNorm: Double?
    /// Seed of everything random. Nil: the trainer's default.
    public var seed: Int64?
    /// Arithmetic of training. Nil: the trainer's default.
    public var precision: Precision?
    /// Rank of the adapter. Nil: the trainer's default.
    public var loraRank: Int?
    /// Scale of the adapter. Nil: the trainer's default.
    public var loraAlpha: Int?
    /// Dropout of the adapter, from 0 to below 1. Nil: the trainer's default.
    public var loraDropout: Double?
    /// Modules that get an adapter. Nil: the trainer's default.
    public var loraTargetModules: [String]?
    /// Parameters of the trainer's own, passed on as strings in its configuration file. Nil: none.
    public var parameters: [String: String]?

    /// Hyperparameters that leave all to the trainer.
    public init() {}
}

/// The program that trains and what it is given.
public struct Trainer: Codable, Hashable, Sendable {
    /// Image of the trainer.
    public var image: String
    /// Replaces the image's entry point. Nil: the image's own is kept.
    public var command: [String]?
    /// Arguments of the program. Nil: the image's own are kept.
    public var args: [String]?
    /// Environment of the trainer. A token comes from a Secret, by valueFrom. Nil: no variable but Anneal's.
    public var env: [EnvironmentVariable]?
    /// Pods of the gang; all start at once or none. Default 1.
    public var numNodes: Int?
    /// Processes of a node; its GPUs if absent, at least 1.
    public var numProcPerNode: Int?
    /// Resources of one node of the run. Requests equal limits. Nil: every default applies.
    public var resourcesPerNode: NodeResources?
    /// Size of /dev/shm, a quantity. Default 1Gi.
    public var shmSize: WrittenQuantity?
    /// Seconds from SIGTERM to SIGKILL, at least: the time that saving a checkpoint and its upload take. Attempts
    /// get more once these were measured to take longer. Default 120.
    public var terminationGracePeriodSeconds: Int64?
    /// Secrets of this namespace for private registries. Nil: none.
    public var imagePullSecrets: [PullSecret]?

    /// A trainer that runs `image` by its own entry point; all else is nil, and its default applies.
    public init(image: String) { self.image = image }
}

/// A finished run, and what of it another run goes on from.
public struct ContinuationSource: Codable, Hashable, Sendable {
    /// Checkpoint that training goes on from.
    public enum Checkpoint: String, Codable, Hashable, Sendable, CaseIterable {
        /// The one after the most steps.
        case newest = "Newest"
        /// The one with the lowest validation loss.
        case best = "Best"
    }

    /// Name of the TrainingJob, in the run's namespace.
    public var trainingJob: String
    /// Checkpoint that training goes on from, also where the run has a finished model: Newest or Best. The finished
    /// model is taken over if there is one and this is absent, and if hyperparameters.epochs and maxSteps are what
    /// they were. Nil: the newest, where there is no such model.
    public var checkpoint: Checkpoint?

    /// All that a finished run has.
    public init(trainingJob: String, checkpoint: Checkpoint? = nil) {
        self.trainingJob = trainingJob
        self.checkpoint = checkpoint
    }
}

/// Intervals of checkpoints, and the number that is kept.
public struct CheckpointPolicy: Codable, Hashable, Sendable {
    /// Optimiser steps between two checkpoints. Nil: 100, unless everySeconds is given; never both.
    public var everySteps: Int?
    /// Seconds between two checkpoints. Nil: steps decide; never both.
    public var everySeconds: Int?
    /// Newest checkpoints that are kept in S3. Default 3.
    public var keepLast: Int?
    /// Best checkpoints that are kept besides, by validation loss. Default 1.
    public var keepBest: Int?

    /// Checkpoints by defaults alone.
    public init() {}
}

/// The volume that a run's stages share.
public struct Workspace: Codable, Hashable, Sendable {
    /// Life of the volume.
    public enum Retention: String, Codable, Hashable, Sendable, CaseIterable {
        /// The volume goes when the run has finished and all that it holds is in S3.
        case deleteOnceSaved = "Delete"
        /// The volume goes when the run has finished, and what is only there is lost.
        case deleteAlways = "DeleteAlways"
        /// The volume stays until the TrainingJob is deleted.
        case retain = "Retain"
    }

    /// Room for data, base model, local checkpoints and output, a quantity. Default 20Gi.
    public var size: WrittenQuantity?
    /// StorageClass; the cluster's default if absent.
    public var storageClassName: String?
    /// Access mode of the volume; ReadWriteMany for runs of several nodes. Default ReadWriteOnce.
    public var accessMode: String?
    /// Whether the training pod has a generic ephemeral volume of its own, which is filled in the pod, instead of one
    /// that all stages share: for storage that is local to a node. For runs of one node. Default false.
    public var ephemeral: Bool?
    /// Life of the volume: Delete it when the run has finished and all that it holds is in S3, DeleteAlways
    /// when the run has finished, or Retain it while the TrainingJob exists. Default Delete.
    public var retention: Retention?

    /// A volume by defaults alone.
    public init() {}
}

/// Place of a run's checkpoints, data and model: below `storageUri`, in a folder of the run's UID.
public struct Artifacts: Codable, Hashable, Sendable {
    /// `s3://bucket/prefix`; each run writes below a folder of its own UID.
    public var storageUri: String

    /// Artifacts below a prefix of S3.
    public init(storageUri: String) { self.storageUri = storageUri }
}

/// The model's entry in a registry, MLflow.
public struct Registration: Codable, Hashable, Sendable {
    /// Name of the registered model.
    public var modelName: String
    /// Address of MLflow, such as `http://mlflow.ml:5000`.
    public var trackingUri: String
    /// MLflow experiment; the namespace if absent.
    public var experiment: String?
    /// A Secret of this namespace with username and password, or token; and allowedHosts, hosts that it may be sent
    /// to, of which trackingUri's must be one. Nil: requests carry no credentials.
    public var credentialsSecretName: String?
    /// Commit of the training code, for the lineage. Nil: the lineage has none.
    public var codeCommit: String?
    /// Tags of the model version, besides the lineage. Nil: none.
    public var tags: [String: String]?

    /// An entry under a name at an address; all else is nil, and its default applies.
    public init(modelName: String, trackingUri: String) {
        self.modelName = modelName
        self.trackingUri = trackingUri
    }
}
