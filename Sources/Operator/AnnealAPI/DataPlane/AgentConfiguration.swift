/// Which run and try a pod works for.
public struct RunIdentity: Codable, Hashable, Sendable {
    public var namespace: String
    public var name: String
    public var uid: String
    public var attempt: Int

    public init(namespace: String, name: String, uid: String, attempt: Int) {
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.attempt = attempt
    }
}

/// `anneal-agent validate`: the inputs exist, match what was declared, and every record parses.
public struct ValidateConfiguration: Codable, Hashable, Sendable {
    public var run: RunIdentity
    public var storage: StorageConnection
    public var model: StoredInput
    public var dataset: DatasetReference

    public init(run: RunIdentity, storage: StorageConnection, model: StoredInput, dataset: DatasetReference) {
        self.run = run
        self.storage = storage
        self.model = model
        self.dataset = dataset
    }
}

/// `anneal-agent preprocess`: raw records in S3 → clean, split records in S3 with a manifest.
public struct PreprocessConfiguration: Codable, Hashable, Sendable {
    public enum Part: String, Codable, Hashable, Sendable {
        case whole
        /// Up to the files in the workspace, before a user's transform.
        case process
        /// From the files in the workspace to S3, after it.
        case publish
    }

    public var run: RunIdentity
    public var storage: StorageConnection
    public var dataset: DatasetReference
    /// What validation saw; another digest now means that the dataset was changed meanwhile.
    public var expectedSha256: String?
    public var preprocessing: Preprocessing
    /// `s3://…/data`
    public var destinationUri: String
    /// A local folder for intermediate files: `/workspace/data`.
    public var directory: String
    public var part: Part

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
    public struct Download: Codable, Hashable, Sendable {
        /// An object or a prefix. A prefix with a manifest is checked against it.
        public var source: StoredInput
        /// A folder, or a file if the source is one object and this ends in no `/`.
        public var destination: String

        public init(source: StoredInput, destination: String) {
            self.source = source
            self.destination = destination
        }
    }

    public var run: RunIdentity
    public var storage: StorageConnection
    public var downloads: [Download]
    /// The run's checkpoints folder in S3; absent on a first attempt and for evaluations. The newest
    /// checkpoint whose manifest checks out goes to `resumeDirectory`.
    public var checkpointsUri: String?
    public var resumeDirectory: String?
    /// Folders to be emptied first: what an earlier attempt left half done.
    public var cleared: [String]

    public init(
        run: RunIdentity, storage: StorageConnection, downloads: [Download], checkpointsUri: String? = nil,
        resumeDirectory: String? = nil, cleared: [String] = []
    ) {
        self.run = run
        self.storage = storage
        self.downloads = downloads
        self.checkpointsUri = checkpointsUri
        self.resumeDirectory = resumeDirectory
        self.cleared = cleared
    }
}

/// `anneal-agent sync`: the sidecar of a training pod.
public struct SyncConfiguration: Codable, Hashable, Sendable {
    public var run: RunIdentity
    public var storage: StorageConnection
    /// The run's artifact root, `s3://…/<uid>`.
    public var artifactRoot: String
    public var checkpointDirectory: String
    public var metricsFile: String
    public var keepLast: Int
    public var keepBest: Int
    /// In the pod's namespace.
    public var leaseName: String
    /// Least time between two renewals.
    public var heartbeatSeconds: Int

    public init(
        run: RunIdentity, storage: StorageConnection, artifactRoot: String, checkpointDirectory: String,
        metricsFile: String, keepLast: Int, keepBest: Int, leaseName: String, heartbeatSeconds: Int
    ) {
        self.run = run
        self.storage = storage
        self.artifactRoot = artifactRoot
        self.checkpointDirectory = checkpointDirectory
        self.metricsFile = metricsFile
        self.keepLast = keepLast
        self.keepBest = keepBest
        self.leaseName = leaseName
        self.heartbeatSeconds = heartbeatSeconds
    }
}

/// `anneal-agent upload`: the final model → S3, manifest last.
public struct UploadConfiguration: Codable, Hashable, Sendable {
    public var run: RunIdentity
    public var storage: StorageConnection
    public var directory: String
    public var destinationUri: String

    public init(run: RunIdentity, storage: StorageConnection, directory: String, destinationUri: String) {
        self.run = run
        self.storage = storage
        self.directory = directory
        self.destinationUri = destinationUri
    }
}

/// `anneal-agent register`: a model version in MLflow, with its lineage. Idempotent by the run's UID.
public struct RegisterConfiguration: Codable, Hashable, Sendable {
    public var run: RunIdentity
    public var registration: Registration
    public var storage: StorageConnection
    public var model: ModelReference
    /// Logged as the MLflow run's params.
    public var params: [String: String]
    public var metrics: [String: Double]
    /// Tags of the model version: dataset digest, config digest, commit, base model, checkpoint, evaluation.
    public var lineage: [String: String]
    /// The alias that the version gets: `dev`.
    public var alias: String

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

/// What an agent's one-shot command, or an evaluator, leaves in its termination message; 4,096 bytes at most.
public struct StageReport: Codable, Hashable, Sendable {
    /// CamelCase: `Succeeded`, or why not: `DatasetNotFound`, `ChecksumMismatch`, `AccessDenied`, …
    public var reason: String
    public var message: String?
    /// Whether trying again may help; meaningless after success.
    public var isRetryable: Bool?
    public var dataset: DatasetSummary?
    /// The checkpoint that `prepare` put in place; absent if there is none.
    public var resume: CheckpointReference?
    public var output: ModelReference?
    public var registeredModel: RegisteredModel?

    public init(reason: String, message: String? = nil, isRetryable: Bool? = nil) {
        self.reason = reason
        self.message = message
        self.isRetryable = isRetryable
    }

    public static let succeeded = "Succeeded"
}

/// What an evaluator leaves in its termination message.
public struct EvaluationReport: Codable, Hashable, Sendable {
    public var suite: String?
    /// Finite numbers only.
    public var metrics: [String: Double]
    /// Metrics that could not be computed; each fails its gate.
    public var missing: [String]?
    public var samples: Int64?

    public init(metrics: [String: Double], samples: Int64? = nil) {
        self.metrics = metrics
        self.samples = samples
    }
}
