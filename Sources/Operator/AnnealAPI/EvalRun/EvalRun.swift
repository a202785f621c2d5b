import KubernetesAPI

/// EvalRun is one evaluation of one model, with a verdict.
public struct EvalRun: KubernetesResource, Hashable {
    /// `evalruns` of `anneal.dev/v1alpha1`, namespaced.
    public static let resourceType = ResourceType(
        group: Anneal.group, version: Anneal.version, kind: "EvalRun", plural: "evalruns")

    /// `anneal.dev/v1alpha1`; nil in an item of a list, which leaves it out.
    public var apiVersion: String? = EvalRun.resourceType.apiVersion
    /// `EvalRun`; nil in an item of a list, which leaves it out.
    public var kind: String? = EvalRun.resourceType.kind
    /// Name, namespace, labels and the like; a name has at most 63 characters.
    public var metadata: ObjectMeta
    /// The model to measure, the suites, and the bounds that their metrics must keep.
    public var spec: EvalRunSpec
    /// State of the evaluation as the operator saw and left it. Nil until the operator has seen the run.
    public var status: EvalRunStatus?

    /// A run as a user writes it, or with the status that an operator gave it.
    public init(metadata: ObjectMeta, spec: EvalRunSpec, status: EvalRunStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

/// Wishes of a user. All but `runPolicy` stay as they were when the run was created.
public struct EvalRunSpec: Codable, Hashable, Sendable {
    /// The model to measure: a folder in S3; whole, or an adapter on baseModel.
    public var model: StoredInput
    /// The model that an adapter sits on. Nil: the model is whole.
    public var baseModel: StoredInput?
    /// Access to S3. AWS in us-east-1 if absent.
    public var storage: StorageConnection?
    /// The program that evaluates. Nil only in a run that no API server has checked: the schema demands it.
    public var evaluator: Evaluator?
    /// Suites that measure the model; they run in parallel.
    public var suites: [EvaluationSuite]
    /// Bounds that decide the verdict. A metric that is missing or not a number fails. Nil: every run passes
    /// whose suites report.
    public var thresholds: [Threshold]?
    /// Nodes that GPU pods may run on. Nil: any that has the GPUs.
    public var placement: Placement?
    /// Bounds of the run's time and failures, and the wish to suspend it. Nil: every default applies.
    public var runPolicy: RunPolicy?

    /// A spec of a model and suites; all else is nil, and its default applies.
    public init(model: StoredInput, suites: [EvaluationSuite]) {
        self.model = model
        self.suites = suites
    }
}

/// The program that evaluates; each suite may name its own image.
public struct Evaluator: Codable, Hashable, Sendable {
    /// Image of the evaluator.
    public var image: String
    /// Replaces the image's entry point. Nil: the image's own is kept.
    public var command: [String]?
    /// Arguments of the program. Nil: the image's own are kept.
    public var args: [String]?
    /// Environment of the evaluator. A token comes from a Secret, by valueFrom. Nil: no variable but
    /// Anneal's.
    public var env: [EnvironmentVariable]?
    /// Resources of an evaluation pod. Requests equal limits. Nil: every default applies.
    public var resources: NodeResources?
    /// Secrets of this namespace for private registries. Nil: none.
    public var imagePullSecrets: [PullSecret]?

    /// An evaluator that runs `image` by its own entry point; all else is nil, and its default applies.
    public init(image: String) { self.image = image }
}

/// One suite: records, and a way to measure a model with them.
public struct EvaluationSuite: Codable, Hashable, Sendable {
    /// Way of measuring.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// Perplexity of the completions of `data`; lower is better.
        case perplexity
        /// Part of `data` whose greedy completion is the expected one.
        case exactMatch
        /// Part of the prompts of a task file that get an accepted answer.
        case tasks
        /// The evaluator's own way; it gets `parameters`.
        case custom
    }

    /// Name of the suite; its metrics are called <name>/<metric>.
    public var name: String
    /// Way of measuring: perplexity; exactMatch of greedy completions; tasks from a file of prompts with
    /// accepted answers; custom for the evaluator's own.
    public var type: Kind
    /// Records of the suite: one object in S3. The validation split, in a TrainingJob, if absent.
    public var data: StoredInput?
    /// Format of the records; that of the dataset, in a TrainingJob, if absent.
    public var format: DatasetFormat?
    /// Records at most; all if absent.
    public var limit: Int?
    /// Tokens generated at most, for a record. Nil: the evaluator's default.
    public var maxNewTokens: Int?
    /// Records at once. Nil: the evaluator's default.
    public var batchSize: Int?
    /// Image of another evaluator for this suite. Nil: that of `evaluator`.
    public var image: String?
    /// Parameters that are passed on to the evaluator as strings. Nil: none.
    public var parameters: [String: String]?

    /// A suite of one type; all else is nil, and its default applies.
    public init(name: String, type: Kind) {
        self.name = name
        self.type = type
    }
}

/// One bound that a metric must keep; at least one of `min` and `max` is set.
public struct Threshold: Codable, Hashable, Sendable {
    /// Name of the metric: <suite>/<metric>, such as quality/perplexity.
    public var metric: String
    /// Lower bound: the metric must be at least this. Nil: there is none.
    public var min: Double?
    /// Upper bound: the metric must be at most this. Nil: there is none.
    public var max: Double?

    /// A bound below, above, or both; one without either is refused by the schema.
    public init(metric: String, min: Double? = nil, max: Double? = nil) {
        self.metric = metric
        self.min = min
        self.max = max
    }
}

/// `evaluation` of a TrainingJob, which its EvalRun is made from.
public struct EvaluationPolicy: Codable, Hashable, Sendable {
    /// The program that evaluates.
    public var evaluator: Evaluator
    /// Suites that measure the model; they run in parallel.
    public var suites: [EvaluationSuite]
    /// Bounds that decide the verdict. A metric that is missing or not a number fails. Nil: every model
    /// passes whose suites report.
    public var thresholds: [Threshold]?

    /// An evaluation by suites, with or without bounds.
    public init(evaluator: Evaluator, suites: [EvaluationSuite], thresholds: [Threshold]? = nil) {
        self.evaluator = evaluator
        self.suites = suites
        self.thresholds = thresholds
    }
}

/// Place of an EvalRun in its life.
public enum EvalRunPhase: String, Codable, Hashable, Sendable, CaseIterable {
    /// Nothing has begun.
    case pending = "Pending"
    /// The run waits for its GPUs.
    case queued = "Queued"
    /// Suites run.
    case evaluating = "Evaluating"
    /// The run was stopped and holds no GPU; it can go on.
    case suspended = "Suspended"
    /// Every threshold was kept. Terminal.
    case passed = "Passed"
    /// A threshold was not kept. Terminal.
    case failed = "Failed"
    /// There is no verdict: a suite failed by itself, or a limit was reached. Terminal.
    case error = "Error"

    /// Whether no phase follows.
    public var isTerminal: Bool {
        switch self {
        case .passed, .failed, .error: true
        case .pending, .queued, .evaluating, .suspended: false
        }
    }
}

/// State of an EvalRun as the operator saw and left it. A property is nil before there is something to say.
public struct EvalRunStatus: Codable, Hashable, Sendable {
    /// Generation of the spec that this status speaks of. Nil until one was planned.
    public var observedGeneration: Int64?
    /// Place of the evaluation in its life; Passed, Failed and Error end it.
    public var phase: EvalRunPhase
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
    /// The run's admission to GPUs; written by the scheduler alone. Nil: none.
    public var admission: Admission?
    /// Admissions that the run has used; only grows. Nil: none.
    public var attempt: Int?
    /// State of the suites, one entry a suite. Nil until they begin.
    public var suites: [SuiteStatus]?
    /// Nodes on which a pod of the run did not start; later pods prefer others for an hour. Nil: none.
    public var avoidedNodes: [AvoidedNode]?
    /// Every threshold and the metric that it was held against. Nil until the verdict.
    public var results: [ThresholdResult]?
    /// Thresholds kept, of all, such as 3/3; for the printer column. Nil until the verdict.
    public var gate: String?
    /// GPUs that the run holds or asks for. Nil until it asks.
    public var gpus: Int?
    /// GPUs times seconds held by pods that have ended, over all attempts. Nil: none were held.
    public var gpuSeconds: Int64?
    /// GPU time of pods, one entry a pod, until it is in gpuSeconds and the pod may go. Nil: none.
    public var podUsage: [PodUsage]?
    /// Time since which the run is suspended. Nil unless it is.
    public var suspendedAt: Timestamp?
    /// Seconds of suspensions that are over, left out of the run's time limit. Nil: none.
    public var suspendedSeconds: Int64?
    /// Time since which the run waits for an admission. Nil unless it does.
    public var queuedSince: Timestamp?
    /// Seconds of waits for an admission that are over, left out of the run's time limits. Nil: none.
    public var queuedSeconds: Int64?

    /// A status that says its phase and nothing else.
    public init(phase: EvalRunPhase) { self.phase = phase }
}

/// State of a suite.
public struct SuiteStatus: Codable, Hashable, Sendable {
    /// Name of the suite.
    public var name: String
    /// Attempts so far; written before an attempt's pod is created.
    public var attempt: Int
    /// Whether the suite has reported. Nil: it has not.
    public var finished: Bool?
    /// Records that were measured. Nil until the suite has reported, or if it did not say.
    public var samples: Int64?
    /// Metrics by name. Nil until the suite has reported.
    public var metrics: [String: Double]?
    /// Cause of the last attempt's failure, for people. Nil: none failed.
    public var lastFailure: String?
    /// Earliest time at which the next attempt begins, set by backoff. Nil: at once.
    public var notBefore: Timestamp?
    /// Time at which the attempt's pod was first seen; a pod that is missing from then on was lost. Nil until
    /// then.
    public var launchedAt: Timestamp?
    /// SHA-256 of a word that the attempt's pod carries, and that nobody else knows before it exists. Nil until
    /// the pod is about to be created.
    public var seal: String?
    /// UID of the attempt's pod, as it was created; no other of its name counts. Nil until launchedAt.
    public var podUID: String?
    /// Attempts that failed by themselves. Nil: none.
    public var failures: Int?
    /// Attempts that the infrastructure ended. Nil: none.
    public var interruptions: Int?

    /// A suite by the number of its attempts; nothing else is known.
    public init(name: String, attempt: Int) {
        self.name = name
        self.attempt = attempt
    }
}

/// One threshold and the metric that it was held against.
public struct ThresholdResult: Codable, Hashable, Sendable {
    /// Name of the metric: <suite>/<metric>.
    public var metric: String
    /// Lower bound. Nil: there is none.
    public var min: Double?
    /// Upper bound. Nil: there is none.
    public var max: Double?
    /// Value of the metric; absent if it is missing or not finite, which fails the gate.
    public var value: Double?
    /// Whether the bound was kept.
    public var passed: Bool

    /// A threshold, a value, and whether the one is kept by the other.
    public init(metric: String, min: Double?, max: Double?, value: Double?, passed: Bool) {
        self.metric = metric
        self.min = min
        self.max = max
        self.value = value
        self.passed = passed
    }
}
