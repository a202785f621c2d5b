import KubernetesAPI

public enum TrainingJobPhase: String, Codable, Hashable, Sendable, CaseIterable {
    case pending = "Pending"
    case validating = "Validating"
    case preprocessing = "Preprocessing"
    case preparing = "Preparing"
    case queued = "Queued"
    case training = "Training"
    case uploading = "Uploading"
    case evaluating = "Evaluating"
    case registering = "Registering"
    case completed = "Completed"
    case suspended = "Suspended"
    case evalFailed = "EvalFailed"
    case failed = "Failed"
    case cancelled = "Cancelled"

    /// No phase follows a terminal one.
    public var isTerminal: Bool {
        switch self {
        case .completed, .evalFailed, .failed, .cancelled: true
        case .pending, .validating, .preprocessing, .preparing, .queued, .training, .uploading, .evaluating,
            .registering, .suspended:
            false
        }
    }
}

public struct TrainingJobStatus: Codable, Hashable, Sendable {
    public var observedGeneration: Int64?
    public var phase: TrainingJobPhase
    /// CamelCase; why the phase is what it is.
    public var reason: String?
    /// For people.
    public var message: String?
    public var conditions: [Condition]?
    /// When the run left Pending.
    public var startTime: Timestamp?
    public var completionTime: Timestamp?
    /// The current try of the current stage; written before anything of it is created.
    public var current: StageAttempt?
    /// One entry a stage that was entered, in order of first entry.
    public var stages: [StageRecord]?
    /// Attempts of training so far, counted and uncounted; only grows. Names pods and fences uploads.
    public var trainingAttempts: Int?
    /// Training failures that count against `backoffLimit`.
    public var countedFailures: Int?
    /// Interruptions of training in a row that brought no newer checkpoint; enough of them count as a failure.
    public var fruitlessInterruptions: Int?
    /// What training was suspended from; the run goes on there.
    public var suspendedFrom: TrainingJobPhase?
    /// When the run was suspended; set while it is.
    public var suspendedAt: Timestamp?
    /// Seconds of suspensions that are over, left out of the run's time limit.
    public var suspendedSeconds: Int64?
    /// `0 %` to `100 %`, for the printer column.
    public var progressPercent: String?
    public var progress: TrainingProgress?
    /// The newest checkpoint whose manifest was verified.
    public var checkpoint: CheckpointReference?
    /// The checkpoint that `prepare` put in place for the next training attempt, or the running one.
    public var resume: CheckpointReference?
    public var bestCheckpoint: CheckpointReference?
    public var dataset: DatasetSummary?
    public var gpus: Int?
    /// GPUs × seconds that pods held them, over all attempts.
    public var gpuSeconds: Int64?
    /// GPU-hours with two decimals, for the printer column.
    public var gpuHours: String?
    /// When GPU pods of the running attempt were bound, to settle `gpuSeconds`.
    public var gpusHeldSince: Timestamp?
    /// Seconds of Training before the current attempt, counted against `activeDeadlineSeconds`.
    public var trainedSeconds: Int64?
    public var output: ModelReference?
    public var evaluation: EvaluationSummary?
    public var registeredModel: RegisteredModel?

    public init(phase: TrainingJobPhase) { self.phase = phase }
}

/// A stage's try: the identity of the objects that belong to it.
public struct StageAttempt: Codable, Hashable, Sendable {
    public var stage: TrainingJobPhase
    /// From 1.
    public var attempt: Int
    public var startedAt: Timestamp
    /// The try may begin from here on; set by backoff.
    public var notBefore: Timestamp?
    /// When all of the try's objects were first seen; one that is missing from then on was lost.
    public var launchedAt: Timestamp?
    /// Counted failures since the stage was entered.
    public var failures: Int?
    /// Tries that the infrastructure ended since the stage was entered.
    public var interruptions: Int?

    public init(stage: TrainingJobPhase, attempt: Int, startedAt: Timestamp, notBefore: Timestamp? = nil) {
        self.stage = stage
        self.attempt = attempt
        self.startedAt = startedAt
        self.notBefore = notBefore
    }
}

/// What became of a stage.
public struct StageRecord: Codable, Hashable, Sendable {
    public var name: TrainingJobPhase
    public var startedAt: Timestamp
    public var finishedAt: Timestamp?
    public var attempts: Int
    /// The last failure, if there was one.
    public var lastFailure: String?

    public init(name: TrainingJobPhase, startedAt: Timestamp, attempts: Int) {
        self.name = name
        self.startedAt = startedAt
        self.attempts = attempts
    }
}

public struct TrainingProgress: Codable, Hashable, Sendable {
    public var step: Int64?
    public var totalSteps: Int64?
    public var epoch: Double?
    public var loss: Double?
    public var evalLoss: Double?
    /// Validation loss before the first step.
    public var initialEvalLoss: Double?
    public var learningRate: Double?
    public var tokensPerSecond: Double?

    public init() {}
}

public struct CheckpointReference: Codable, Hashable, Sendable {
    public var step: Int64
    public var attempt: Int
    /// The checkpoint's folder in S3.
    public var storageUri: String
    /// SHA-256 of its manifest.
    public var manifestSha256: String
    public var evalLoss: Double?

    public init(
        step: Int64, attempt: Int, storageUri: String, manifestSha256: String, evalLoss: Double? = nil
    ) {
        self.step = step
        self.attempt = attempt
        self.storageUri = storageUri
        self.manifestSha256 = manifestSha256
        self.evalLoss = evalLoss
    }
}

public struct DatasetSummary: Codable, Hashable, Sendable {
    /// SHA-256 of the raw dataset as it was validated.
    public var sha256: String?
    public var records: Int64?
    public var exactDuplicates: Int64?
    public var nearDuplicates: Int64?
    public var filtered: Int64?
    public var trainRecords: Int64?
    public var validationRecords: Int64?
    /// SHA-256 of the processed data's manifest.
    public var processedManifestSha256: String?
    /// Of the base model's manifest or objects, as validated.
    public var modelSha256: String?

    public init() {}
}

public struct ModelReference: Codable, Hashable, Sendable {
    public var storageUri: String
    /// SHA-256 of the model's manifest: the model's digest.
    public var manifestSha256: String
    public var bytes: Int64?
    public var files: Int?

    public init(storageUri: String, manifestSha256: String, bytes: Int64? = nil, files: Int? = nil) {
        self.storageUri = storageUri
        self.manifestSha256 = manifestSha256
        self.bytes = bytes
        self.files = files
    }
}

public struct EvaluationSummary: Codable, Hashable, Sendable {
    /// The EvalRun's name.
    public var name: String
    public var passed: Bool?
    public var results: [ThresholdResult]?
    public var metrics: [String: Double]?

    public init(name: String) { self.name = name }
}

public struct RegisteredModel: Codable, Hashable, Sendable {
    public var name: String
    public var version: String
    public var runId: String?
    public var alias: String?

    public init(name: String, version: String, runId: String? = nil, alias: String? = nil) {
        self.name = name
        self.version = version
        self.runId = runId
        self.alias = alias
    }
}
