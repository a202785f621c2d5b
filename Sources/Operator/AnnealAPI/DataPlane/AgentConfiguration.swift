/// Run and attempt that a pod works for.
public struct RunIdentity: Codable, Hashable, Sendable {
    /// Namespace of the run.
    public var namespace: String
    /// Name of the run.
    public var name: String
    /// UID of the run; names its folder in S3.
    public var uid: String
    /// Number of the attempt, from 1.
    public var attempt: Int

    /// An attempt of a run.
    public init(namespace: String, name: String, uid: String, attempt: Int) {
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.attempt = attempt
    }
}

/// `anneal-agent validate`: the inputs exist, match what was declared, and every record parses; what later
/// stages need besides is looked at too, before a GPU is taken.
public struct ValidateConfiguration: Codable, Hashable, Sendable {
    /// Run and attempt that the command works for.
    public var run: RunIdentity
    /// Access to S3.
    public var storage: StorageConnection
    /// The base model.
    public var model: StoredInput
    /// The dataset.
    public var dataset: DatasetReference
    /// Suites of the evaluation, whose data must be there and parse. Nil: nothing is evaluated.
    public var suites: [EvaluationSuite]?
    /// The model's entry in the registry, whose names and address must be usable. Nil: nothing is registered.
    public var registration: Registration?
    /// Whether model and dataset are known, by digest, from a run that this one continues, and are not looked at.
    /// Nil or false: they are.
    public var skipsInputs: Bool?
    /// Secrets of which users' programs get values, which must allow it. Nil: none.
    public var programSecrets: [NamedSecret]?

    /// A check of a model and a dataset, and of what evaluation and registration need.
    public init(
        run: RunIdentity, storage: StorageConnection, model: StoredInput, dataset: DatasetReference,
        suites: [EvaluationSuite]? = nil, registration: Registration? = nil, skipsInputs: Bool? = nil,
        programSecrets: [NamedSecret]? = nil
    ) {
        self.run = run
        self.storage = storage
        self.model = model
        self.dataset = dataset
        self.suites = suites
        self.registration = registration
        self.skipsInputs = skipsInputs
        self.programSecrets = programSecrets
    }
}

/// `anneal-agent preprocess`: raw records in S3 → clean, split records in S3 with a manifest.
public struct PreprocessConfiguration: Codable, Hashable, Sendable {
    /// Steps that one container takes; two share them where a user's transform runs between.
    public enum Part: String, Codable, Hashable, Sendable {
        /// All steps.
        case whole
        /// Steps up to the files in the workspace, before a user's transform.
        case process
        /// Steps from the files in the workspace to S3, after it.
        case publish
    }

    /// Run and attempt that the command works for.
    public var run: RunIdentity
    /// Access to S3.
    public var storage: StorageConnection
    /// The raw dataset.
    public var dataset: DatasetReference
    /// SHA-256 that validation saw; another digest now means that the dataset was changed meanwhile. Nil:
    /// none is expected.
    public var expectedSha256: String?
    /// Treatment of the records.
    public var preprocessing: Preprocessing
    /// Folder in S3 that the clean records go to, `s3://…/data`.
    public var destinationUri: String
    /// Local folder for intermediate files: `/workspace/data`.
    public var directory: String
    /// Steps to take.
    public var part: Part

    /// Treatment of a dataset, or a part of it.
    public init(
        run: RunIdentity, storage: StorageConnection, dataset: DatasetReference, expectedSha256: String?,
        preprocessing: Preprocessing, destinationUri: String, directory: String, part: Part
    ) {
        self.run = run
        self.storage = storage
        self.dataset = dataset
        self.expectedSha256 = expectedSha256
        self.preprocessing = preprocessing
        self.destinationUri = destinationUri
        self.directory = directory
        self.part = part
    }
}

/// `anneal-agent prepare`: S3 → workspace, checksummed.
public struct PrepareConfiguration: Codable, Hashable, Sendable {
    /// Copy of something in S3 to the workspace.
    public struct Download: Codable, Hashable, Sendable {
        /// Object or prefix to copy. A prefix with a manifest is checked against it.
        public var source: StoredInput
        /// Path to copy to: a folder, or a file if the source is one object and this ends in no `/`.
        public var destination: String

        /// A copy of a source to a path.
        public init(source: StoredInput, destination: String) {
            self.source = source
            self.destination = destination
        }
    }

    /// Training attempts that are over, and what they may have left: checkpoints on the volume that their
    /// sidecars did not get to S3, and unfinished uploads.
    public struct LeftAttempts: Codable, Hashable, Sendable {
        /// Local folder that has a folder for each attempt: `/workspace/attempts`.
        public var directory: String
        /// Local folder of checkpoints that attempts shared in older releases; what is there counts as the
        /// newest attempt's.
        public var formerDirectory: String
        /// Root of the run's artifacts in S3, `s3://…/<uid>`.
        public var artifactRoot: String
        /// Number of the newest attempt that is over.
        public var newest: Int

        /// Attempts up to a number.
        public init(directory: String, formerDirectory: String, artifactRoot: String, newest: Int) {
            self.directory = directory
            self.formerDirectory = formerDirectory
            self.artifactRoot = artifactRoot
            self.newest = newest
        }
    }

    /// Run and attempt that the command works for.
    public var run: RunIdentity
    /// Access to S3.
    public var storage: StorageConnection
    /// Copies to make.
    public var downloads: [Download]
    /// Folder of the run's checkpoints in S3; nil on a first attempt and for evaluations. The newest
    /// checkpoint whose manifest checks out goes to `resumeDirectory`.
    public var checkpointsUri: String?
    /// A checkpoint of a run that this one continues, by digest: it goes to `resumeDirectory` where the run has
    /// none of its own after as many steps. Nil: the run continues none.
    public var inherited: CheckpointReference?
    /// Local folder that the checkpoint to go on from is copied to; nil if there is none to look for.
    public var resumeDirectory: String?
    /// Attempts whose checkpoints are committed before their folders are removed; nil where none has trained.
    public var left: LeftAttempts?
    /// Folders to be emptied first, which hold what an earlier attempt left half done.
    public var cleared: [String]
    /// Secrets of which the program after this command gets values, which must allow it. Nil: none.
    public var programSecrets: [NamedSecret]?

    /// Copies, and a checkpoint to go on from where `checkpointsUri` is given.
    public init(
        run: RunIdentity, storage: StorageConnection, downloads: [Download], checkpointsUri: String? = nil,
        inherited: CheckpointReference? = nil, resumeDirectory: String? = nil, left: LeftAttempts? = nil,
        cleared: [String] = [], programSecrets: [NamedSecret]? = nil
    ) {
        self.run = run
        self.storage = storage
        self.downloads = downloads
        self.checkpointsUri = checkpointsUri
        self.inherited = inherited
        self.resumeDirectory = resumeDirectory
        self.left = left
        self.cleared = cleared
        self.programSecrets = programSecrets
    }
}

/// `anneal-agent sync`: the sidecar of a training pod.
public struct SyncConfiguration: Codable, Hashable, Sendable {
    /// Run and attempt that the command works for.
    public var run: RunIdentity
    /// Access to S3.
    public var storage: StorageConnection
    /// Root of the run's artifacts in S3, `s3://…/<uid>`.
    public var artifactRoot: String
    /// Local folder that the trainer writes checkpoints to.
    public var checkpointDirectory: String
    /// Local file that the trainer writes metrics to.
    public var metricsFile: String
    /// Local folder that the trainer writes the final model to.
    public var outputDirectory: String
    /// Step that training goes on from; what earlier attempts committed beyond it was damaged, or is somebody
    /// else's work. Nil: training begins anew.
    public var resumeStep: Int64?
    /// Newest checkpoints that are kept in S3.
    public var keepLast: Int
    /// Best checkpoints that are kept besides, by validation loss.
    public var keepBest: Int
    /// Name of the heartbeat's Lease, in the pod's namespace.
    public var leaseName: String
    /// Seconds, at least, between two renewals of the Lease.
    public var heartbeatSeconds: Int

    /// Sync of one training attempt.
    public init(
        run: RunIdentity, storage: StorageConnection, artifactRoot: String, checkpointDirectory: String,
        metricsFile: String, outputDirectory: String, resumeStep: Int64? = nil, keepLast: Int, keepBest: Int,
        leaseName: String, heartbeatSeconds: Int
    ) {
        self.run = run
        self.storage = storage
        self.artifactRoot = artifactRoot
        self.checkpointDirectory = checkpointDirectory
        self.metricsFile = metricsFile
        self.outputDirectory = outputDirectory
        self.resumeStep = resumeStep
        self.keepLast = keepLast
        self.keepBest = keepBest
        self.leaseName = leaseName
        self.heartbeatSeconds = heartbeatSeconds
    }
}

/// `anneal-agent upload`: the final model → S3, manifest last.
public struct UploadConfiguration: Codable, Hashable, Sendable {
    /// Run and attempt that the command works for.
    public var run: RunIdentity
    /// Access to S3.
    public var storage: StorageConnection
    /// Local folder that holds the model: that of the training attempt that succeeded.
    public var directory: String
    /// Local folder of the model that attempts shared in older releases; it counts where `directory` does not
    /// exist.
    public var formerDirectory: String
    /// Root of the run's artifacts in S3, `s3://…/<uid>`.
    public var artifactRoot: String
    /// Folder in S3 that the model goes to.
    public var destinationUri: String
    /// Number of the training attempt that succeeded. Training is over: what attempts left unfinished in S3 is
    /// removed.
    public var trainingAttempt: Int

    /// Upload of what a training attempt made.
    public init(
        run: RunIdentity, storage: StorageConnection, directory: String, formerDirectory: String,
        artifactRoot: String, destinationUri: String, trainingAttempt: Int
    ) {
        self.run = run
        self.storage = storage
        self.directory = directory
        self.formerDirectory = formerDirectory
        self.artifactRoot = artifactRoot
        self.destinationUri = destinationUri
        self.trainingAttempt = trainingAttempt
    }
}

/// `anneal-agent register`: a model version in MLflow, with its lineage. Idempotent by the run's UID.
public struct RegisterConfiguration: Codable, Hashable, Sendable {
    /// Run and attempt that the command works for.
    public var run: RunIdentity
    /// Registry, name of the model, and tags of the user's.
    public var registration: Registration
    /// Access to S3.
    public var storage: StorageConnection
    /// The model to register.
    public var model: ModelReference
    /// Params of the MLflow run.
    public var params: [String: String]
    /// Metrics of the MLflow run.
    public var metrics: [String: Double]
    /// Tags of the model version: dataset digest, config digest, commit, base model, checkpoint, evaluation.
    public var lineage: [String: String]
    /// Alias that the version gets: `dev`.
    public var alias: String

    /// Registration of one model.
    public init(
        run: RunIdentity, registration: Registration, storage: StorageConnection, model: ModelReference,
        params: [String: String], metrics: [String: Double], lineage: [String: String], alias: String
    ) {
        self.run = run
        self.registration = registration
        self.storage = storage
        self.model = model
        self.params = params
        self.metrics = metrics
        self.lineage = lineage
        self.alias = alias
    }
}

/// Result of an agent's one-shot command, left in its termination message; 4,096 bytes at most.
public struct StageReport: Codable, Hashable, Sendable {
    /// CamelCase: `Succeeded`, or why not: `DatasetNotFound`, `ChecksumMismatch`, `AccessDenied`, …
    public var reason: String
    /// Cause in words, for people. Nil where the reason says all.
    public var message: String?
    /// Whether another attempt may help; nil after success.
    public var isRetryable: Bool?
    /// Things that people should know of a success; nil: none.
    public var warnings: [StageWarning]?
    /// Counts and digests of `validate` and `preprocess`; nil of others.
    public var dataset: DatasetSummary?
    /// Checkpoint that `prepare` put in place; nil if there is none.
    public var resume: CheckpointReference?
    /// Model that `upload` wrote; nil of others.
    public var output: ModelReference?
    /// Version that `register` made; nil of others.
    public var registeredModel: RegisteredModel?

    /// A result that carries nothing else yet.
    public init(reason: String, message: String? = nil, isRetryable: Bool? = nil) {
        self.reason = reason
        self.message = message
        self.isRetryable = isRetryable
    }

    /// Reason of a success.
    public static let succeeded = "Succeeded"
}

/// A thing that people should know of a stage that succeeded.
public struct StageWarning: Codable, Hashable, Sendable {
    /// CamelCase: `ManyNearDuplicates`, …
    public var reason: String
    /// What is, why it may be wrong, and what to do.
    public var message: String

    /// A warning, in words.
    public init(reason: String, message: String) {
        self.reason = reason
        self.message = message
    }
}

/// Result of an evaluator, left in its termination message; 4,096 bytes at most.
public struct EvaluationReport: Codable, Hashable, Sendable {
    /// Name of the suite; nil if the evaluator did not say.
    public var suite: String?
    /// Metrics by name, without the suite; finite numbers only.
    public var metrics: [String: Double]
    /// Metrics that could not be computed; each fails its threshold. Nil: none.
    public var missing: [String]?
    /// Records that were measured; nil if the evaluator did not say.
    public var samples: Int64?

    /// A result in which every metric could be computed.
    public init(metrics: [String: Double], samples: Int64? = nil) {
        self.metrics = metrics
        self.samples = samples
    }
}
