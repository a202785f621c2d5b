import KubernetesAPI

/// Place of a TrainingJob in its life.
public enum TrainingJobPhase: String, Codable, Hashable, Sendable, CaseIterable {
    /// Nothing has begun.
    case pending = "Pending"
    /// Model and dataset are looked at: there, as declared, and every record parses.
    case validating = "Validating"
    /// Records are cleaned and split.
    case preprocessing = "Preprocessing"
    /// Model, data and the checkpoint to go on from are copied to the workspace.
    case preparing = "Preparing"
    /// The run waits for its GPUs.
    case queued = "Queued"
    /// The gang holds its GPUs.
    case training = "Training"
    /// The model is copied to S3.
    case uploading = "Uploading"
    /// An EvalRun judges the model.
    case evaluating = "Evaluating"
    /// A version of the model is made in the registry.
    case registering = "Registering"
    /// The model is trained and, where asked for, has passed and is registered. Terminal.
    case completed = "Completed"
    /// The run was stopped after a checkpoint and holds no GPU; it can go on.
    case suspended = "Suspended"
    /// A threshold was not kept. Terminal.
    case evalFailed = "EvalFailed"
    /// The run failed, by itself or at a limit. Terminal.
    case failed = "Failed"
    /// The TrainingJob was deleted before the run finished. Terminal.
    case cancelled = "Cancelled"
    /// Stopped for good by its parent, after a checkpoint.
    case pruned = "Pruned"

    /// Whether no phase follows.
    public var isTerminal: Bool {
        switch self {
        case .completed, .evalFailed, .failed, .cancelled, .pruned: true
        case .pending, .validating, .preprocessing, .preparing, .queued, .training, .uploading, .evaluating,
            .registering, .suspended:
            false
        }
    }
}

/// State of a TrainingJob as the operator saw and left it. A property is nil before there is something to
/// say.
public struct TrainingJobStatus: Codable, Hashable, Sendable {
    /// Generation of the spec that this status speaks of. Nil until one was planned.
    public var observedGeneration: Int64?
    /// Place of the run in its life.
    public var phase: TrainingJobPhase
    /// Cause of the phase, one word in CamelCase. Nil where the phase says all.
    public var reason: String?
    /// Cause of the phase in words, for people. Nil where the phase says all.
    public var message: String?
    /// Conditions of the run; Finished is the terminal one. Nil: none yet.
    public var conditions: [Condition]?
    /// Time at which the run left Pending. Nil until then.
    public var startTime: Timestamp?
    /// Time at which the run finished. Nil until then.
    public var completionTime: Timestamp?
    /// The current attempt of the current stage; written before anything of it is created. Nil between
    /// stages.
    public var current: StageAttempt?
    /// History of the stages, one entry a stage, in order of first entry. Nil until one was entered.
    public var stages: [StageRecord]?
    /// The run's admission to GPUs; written by the scheduler alone. Nil: none.
    public var admission: Admission?
    /// Attempts of training so far, counted and uncounted; only grows. Names pods and fences uploads. Nil: none.
    public var trainingAttempts: Int?
    /// UID of the newest training attempt's Lease; reports from no other count. Nil until it was launched.
    public var heartbeatUID: String?
    /// Attempts of training that failed and count against backoffLimit. Nil: none.
    public var countedFailures: Int?
    /// Interruptions of training in a row without a newer checkpoint; enough of them count as a failure.
    /// Nil: none.
    public var fruitlessInterruptions: Int?
    /// Nodes on which a pod of the run did not start; later pods prefer others for an hour. Nil: none.
    public var avoidedNodes: [AvoidedNode]?
    /// Phase that the run goes on in after a suspension. Nil unless it is suspended.
    public var suspendedFrom: TrainingJobPhase?
    /// Time since which the run is suspended. Nil unless it is.
    public var suspendedAt: Timestamp?
    /// Seconds of suspensions that are over, left out of the run's time limit. Nil: none.
    public var suspendedSeconds: Int64?
    /// Time since which the run waits for an admission. Nil unless it does.
    public var queuedSince: Timestamp?
    /// Seconds of waits for an admission that are over, left out of the run's time limits. Nil: none.
    public var queuedSeconds: Int64?
    /// Time from which completionDeadlineSeconds counts: the end of training, later by each wait for an
    /// admission and each suspension since. Nil until then.
    public var completingSince: Timestamp?
    /// Number of the run's volume: one that was lost, as a rule with its node, is followed by another. Nil: the first.
    public var workspaceGeneration: Int?
    /// Whether the volume may hold a checkpoint or a model that is not in S3. Nil until a trainer began.
    public var holdsOnlyCopy: Bool?
    /// Steps done, `0 %` to `100 %`, for the printer column. Nil until the number of steps is known.
    public var progressPercent: String?
    /// Figures that the trainer reported last. Nil until it has reported.
    public var progress: TrainingProgress?
    /// The newest checkpoint whose manifest was verified. Nil: none yet.
    public var checkpoint: CheckpointReference?
    /// The checkpoint that the running attempt, or the next, goes on from. Nil: it begins at step 0.
    public var resume: CheckpointReference?
    /// The best checkpoint by validation loss. Nil: none has one.
    public var bestCheckpoint: CheckpointReference?
    /// Results taken over from the run that spec.continueFrom names. Nil: none.
    public var continuedFrom: ContinuedRun?
    /// SHA-256 of what decides the trained weights: model, dataset, preprocessing, method, hyperparameters, and the
    /// trainer with its processes. Nil until the run left Pending.
    public var configSha256: String?
    /// Seconds that checkpoints and stops took, by which later attempts get their grace period. Nil until one was
    /// measured.
    public var checkpointSeconds: CheckpointSeconds?
    /// Counts and digests of validation and preprocessing. Nil until validation is over.
    public var dataset: DatasetSummary?
    /// GPUs that the run holds or asks for. Nil until it asks.
    public var gpus: Int?
    /// GPUs times seconds held by pods that have ended, over all attempts. Nil: none were held.
    public var gpuSeconds: Int64?
    /// GPU time of pods, one entry a pod, until it is in gpuSeconds and the pod may go. Nil: none.
    public var podUsage: [PodUsage]?
    /// GPU-hours held, over all attempts, with two decimals, for the printer column. Nil: none were held.
    public var gpuHours: String?
    /// Time since which the running attempt holds its GPUs. Nil unless it does.
    public var gpusHeldSince: Timestamp?
    /// Seconds of training in earlier attempts, counted against activeDeadlineSeconds. Nil: none.
    public var trainedSeconds: Int64?
    /// The trained model. Nil until it is in S3.
    public var output: ModelReference?
    /// The verdict on the model. Nil until its EvalRun was created.
    public var evaluation: EvaluationSummary?
    /// The model's entry in the registry. Nil until there is one.
    public var registeredModel: RegisteredModel?

    /// A status that says its phase and nothing else.
    public init(phase: TrainingJobPhase) { self.phase = phase }
}

/// A stage's attempt: the identity of the objects that belong to it.
public struct StageAttempt: Codable, Hashable, Sendable {
    /// Phase that the attempt is one of.
    public var stage: TrainingJobPhase
    /// Number of the attempt, from 1.
    public var attempt: Int
    /// Time at which the attempt was decided.
    public var startedAt: Timestamp
    /// Earliest time at which the attempt begins, set by backoff. Nil: at once.
    public var notBefore: Timestamp?
    /// Time at which all of the attempt's objects were first seen; one that is missing from then on was lost.
    /// Nil until then.
    public var launchedAt: Timestamp?
    /// Counted failures since the stage was entered. Nil: none.
    public var failures: Int?
    /// Attempts that the infrastructure ended since the stage was entered. Nil: none.
    public var interruptions: Int?
    /// SHA-256 of a word that the attempt's objects carry, and that nobody else knows before they exist. Nil on an
    /// attempt of an older release.
    public var seal: String?
    /// UIDs of the attempt's objects by name, as they were created; no others of these names count. Nil until
    /// launchedAt.
    public var children: [String: String]?

    /// An attempt that nothing was created of yet.
    public init(stage: TrainingJobPhase, attempt: Int, startedAt: Timestamp, notBefore: Timestamp? = nil) {
        self.stage = stage
        self.attempt = attempt
        self.startedAt = startedAt
        self.notBefore = notBefore
    }
}

/// History of a stage.
public struct StageRecord: Codable, Hashable, Sendable {
    /// Phase of the stage.
    public var name: TrainingJobPhase
    /// Time of first entry.
    public var startedAt: Timestamp
    /// Time of the last end. Nil while the stage runs.
    public var finishedAt: Timestamp?
    /// Attempts so far.
    public var attempts: Int
    /// Cause of the last attempt's failure, for people. Nil: none failed.
    public var lastFailure: String?

    /// A stage that was entered and has not ended.
    public init(name: TrainingJobPhase, startedAt: Timestamp, attempts: Int) {
        self.name = name
        self.startedAt = startedAt
        self.attempts = attempts
    }
}

/// Figures that a trainer reports; it may leave any of them out, which is nil then.
public struct TrainingProgress: Codable, Hashable, Sendable {
    /// Optimiser steps done. Nil: not reported.
    public var step: Int64?
    /// Optimiser steps planned. Nil: not reported.
    public var totalSteps: Int64?
    /// Passes over the data, with a fraction. Nil: not reported.
    public var epoch: Double?
    /// Training loss. Nil: not reported.
    public var loss: Double?
    /// Validation loss. Nil: not reported.
    public var evalLoss: Double?
    /// Validation loss before the first step. Nil: not reported.
    public var initialEvalLoss: Double?
    /// Learning rate of the last step. Nil: not reported.
    public var learningRate: Double?
    /// Throughput in tokens a second. Nil: not reported.
    public var tokensPerSecond: Double?

    /// Progress of which nothing is known.
    public init() {}
}

/// A checkpoint in S3 that is complete: its manifest was written last and checks out.
public struct CheckpointReference: Codable, Hashable, Sendable {
    /// Optimiser steps done.
    public var step: Int64
    /// Number of the training attempt that wrote it.
    public var attempt: Int
    /// Folder of the checkpoint in S3.
    public var storageUri: String
    /// SHA-256 of the checkpoint's manifest.
    public var manifestSha256: String
    /// Validation loss at the step. Nil: none was measured there.
    public var evalLoss: Double?

    /// A checkpoint of a step, by the attempt that wrote it.
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

/// A finished run that another goes on from, and what of it is taken over beside the processed data.
public struct ContinuedRun: Codable, Hashable, Sendable {
    /// A volume that passes from run to run with what is only there.
    public struct Volume: Codable, Hashable, Sendable {
        /// Name of the PersistentVolumeClaim.
        public var name: String
        /// UID of the PersistentVolumeClaim.
        public var uid: String
        /// Whether a finished model is on it. Nil or false: checkpoints at most.
        public var hasModel: Bool?

        /// A volume, told by its claim.
        public init(name: String, uid: String, hasModel: Bool? = nil) {
            self.name = name
            self.uid = uid
            self.hasModel = hasModel
        }
    }

    /// Name of the run.
    public var name: String
    /// UID of the run.
    public var uid: String
    /// The finished model that is taken over; training is skipped. Nil: there is none, or training goes on.
    public var model: ModelReference?
    /// The checkpoint that training goes on from. Nil: it begins at step 0.
    public var checkpoint: CheckpointReference?
    /// The volume with what is not in S3. Nil: all is in S3.
    public var volume: Volume?

    /// A run of which nothing is taken over yet.
    public init(name: String, uid: String) {
        self.name = name
        self.uid = uid
    }
}

/// The longest times that checkpoints and stops took. Each is nil until it was measured.
public struct CheckpointSeconds: Codable, Hashable, Sendable {
    /// Seconds in which the trainer wrote a checkpoint. Nil: not measured.
    public var save: Int64?
    /// Seconds from SIGTERM to the trainer's end. Nil: it was not stopped yet.
    public var stop: Int64?
    /// Seconds in which the sidecar uploaded a checkpoint and committed it. Nil: not measured.
    public var upload: Int64?

    /// Times of which some were measured.
    public init(save: Int64? = nil, stop: Int64? = nil, upload: Int64? = nil) {
        self.save = save
        self.stop = stop
        self.upload = upload
    }
}

/// Counts and digests of validation and preprocessing; each is nil until its stage has reported.
public struct DatasetSummary: Codable, Hashable, Sendable {
    /// SHA-256 of the raw dataset as it was validated. Nil until then.
    public var sha256: String?
    /// Files of the raw dataset that are read. Nil until they were counted.
    public var files: Int64?
    /// Files at the raw dataset's address; the test split and what holds no records are not read. Nil until
    /// they were counted.
    public var filesFound: Int64?
    /// Records of the raw dataset. Nil until they were counted.
    public var records: Int64?
    /// Records that were dropped as copies of another. Nil until they were counted.
    public var exactDuplicates: Int64?
    /// Records that were dropped as nearly copies of another. Nil until they were counted.
    public var nearDuplicates: Int64?
    /// Records that were dropped for their length. Nil until they were counted.
    public var filtered: Int64?
    /// Records that training sees. Nil until they were counted.
    public var trainRecords: Int64?
    /// Records that are held back for validation. Nil until they were counted.
    public var validationRecords: Int64?
    /// SHA-256 of the processed data's manifest. Nil until it was written.
    public var processedManifestSha256: String?
    /// Folder of the processed data in S3: the run's own, or that of a run that it continues. Nil until it was
    /// written.
    public var processedStorageUri: String?
    /// SHA-256 of the base model's manifest or objects, as validated. Nil until then.
    public var modelSha256: String?
    /// Folder of the base model in S3 where it is not the spec's: the snapshot within a hub cache. Nil: the
    /// spec's.
    public var modelStorageUri: String?

    /// A summary of which nothing is known.
    public init() {}
}

/// A model in S3.
public struct ModelReference: Codable, Hashable, Sendable {
    /// Folder of the model in S3.
    public var storageUri: String
    /// SHA-256 of the model's manifest: the model's digest.
    public var manifestSha256: String
    /// Size of all files in bytes. Nil: not counted.
    public var bytes: Int64?
    /// Number of files, the manifest left out. Nil: not counted.
    public var files: Int?
    /// What the trainer left in the output folder and could not be uploaded, with the causes. Nil: nothing.
    public var leftOut: String?

    /// A model in a folder, told by its manifest.
    public init(
        storageUri: String, manifestSha256: String, bytes: Int64? = nil, files: Int? = nil,
        leftOut: String? = nil
    ) {
        self.storageUri = storageUri
        self.manifestSha256 = manifestSha256
        self.bytes = bytes
        self.files = files
        self.leftOut = leftOut
    }
}

/// The verdict on a model, as its EvalRun gave it.
public struct EvaluationSummary: Codable, Hashable, Sendable {
    /// Name of the EvalRun.
    public var name: String
    /// UID of the EvalRun. Nil until it has finished.
    public var uid: String?
    /// SHA-256 of the manifest of the model that was judged. Nil until the EvalRun has finished.
    public var modelSha256: String?
    /// SHA-256 of what was asked of the EvalRun, its policy left out. Nil until the EvalRun has finished.
    public var requestSha256: String?
    /// Whether every threshold was kept. Nil until the EvalRun has finished.
    public var passed: Bool?
    /// Every threshold and the metric that it was held against. Nil until the EvalRun has finished.
    public var results: [ThresholdResult]?
    /// Metrics by name. Nil until the EvalRun has finished.
    public var metrics: [String: Double]?

    /// A verdict that is still to come.
    public init(name: String) { self.name = name }
}

/// A version of a model in the registry.
public struct RegisteredModel: Codable, Hashable, Sendable {
    /// Name of the registered model.
    public var name: String
    /// Version that this run made.
    public var version: String
    /// MLflow run that the version belongs to. Nil: the registry named none.
    public var runId: String?
    /// Alias that points to the version. Nil: none was set.
    public var alias: String?

    /// A version of a name, with the run and the alias that MLflow keeps of it.
    public init(name: String, version: String, runId: String? = nil, alias: String? = nil) {
        self.name = name
        self.version = version
        self.runId = runId
        self.alias = alias
    }
}
