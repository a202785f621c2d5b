import KubernetesAPI

/// One evaluation of one model, with a verdict.
public struct EvalRun: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        group: Anneal.group, version: Anneal.version, kind: "EvalRun", plural: "evalruns")

    public var apiVersion: String? = EvalRun.resourceType.apiVersion
    public var kind: String? = EvalRun.resourceType.kind
    public var metadata: ObjectMeta
    public var spec: EvalRunSpec
    public var status: EvalRunStatus?

    public init(metadata: ObjectMeta, spec: EvalRunSpec, status: EvalRunStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

public struct EvalRunSpec: Codable, Hashable, Sendable {
    /// The model under evaluation: a whole model, or an adapter on `baseModel`.
    public var model: StoredInput
    public var baseModel: StoredInput?
    public var storage: StorageConnection?
    public var evaluator: Evaluator?
    public var suites: [EvaluationSuite]
    public var thresholds: [Threshold]?
    public var placement: Placement?
    public var runPolicy: RunPolicy?

    public init(model: StoredInput, suites: [EvaluationSuite]) {
        self.model = model
        self.suites = suites
    }
}

/// The program that evaluates; each suite may name its own.
public struct Evaluator: Codable, Hashable, Sendable {
    public var image: String
    public var command: [String]?
    public var args: [String]?
    public var resources: NodeResources?

    public init(image: String) { self.image = image }
}

public struct EvaluationSuite: Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// Of the completions of `data`; lower is better.
        case perplexity
        /// The part of `data` whose greedy completion is the expected one.
        case exactMatch
        /// A task file of prompts with accepted answers.
        case tasks
        /// The evaluator's own; it gets `parameters`.
        case custom
    }

    /// The metrics of a suite are called `<suite>/<metric>`.
    public var name: String
    public var type: Kind
    /// Absent in a TrainingJob: its validation split.
    public var data: StoredInput?
    public var format: DatasetFormat?
    /// Records at most; all if absent.
    public var limit: Int?
    public var maxNewTokens: Int?
    public var batchSize: Int?
    public var image: String?
    public var parameters: [String: String]?

    public init(name: String, type: Kind) {
        self.name = name
        self.type = type
    }
}

/// A bound that a metric must keep; at least one of `min` and `max`.
public struct Threshold: Codable, Hashable, Sendable {
    /// `<suite>/<metric>`
    public var metric: String
    public var min: Double?
    public var max: Double?

    public init(metric: String, min: Double? = nil, max: Double? = nil) {
        self.metric = metric
        self.min = min
        self.max = max
    }
}

/// `evaluation` of a TrainingJob: what its EvalRun is made from.
public struct EvaluationPolicy: Codable, Hashable, Sendable {
    public var evaluator: Evaluator
    public var suites: [EvaluationSuite]
    public var thresholds: [Threshold]?

    public init(evaluator: Evaluator, suites: [EvaluationSuite], thresholds: [Threshold]? = nil) {
        self.evaluator = evaluator
        self.suites = suites
        self.thresholds = thresholds
    }
}

public enum EvalRunPhase: String, Codable, Hashable, Sendable, CaseIterable {
    case pending = "Pending"
    case queued = "Queued"
    case evaluating = "Evaluating"
    case suspended = "Suspended"
    case passed = "Passed"
    case failed = "Failed"
    case error = "Error"

    public var isTerminal: Bool {
        switch self {
        case .passed, .failed, .error: true
        case .pending, .queued, .evaluating, .suspended: false
        }
    }
}

public struct EvalRunStatus: Codable, Hashable, Sendable {
    public var observedGeneration: Int64?
    public var phase: EvalRunPhase
    public var reason: String?
    public var message: String?
    public var conditions: [Condition]?
    public var startTime: Timestamp?
    public var completionTime: Timestamp?
    /// One entry a suite.
    public var suites: [SuiteStatus]?
    public var results: [ThresholdResult]?
    /// `3/3` thresholds kept, for the printer column.
    public var gate: String?
    public var gpus: Int?
    public var gpuSeconds: Int64?
    public var gpusHeldSince: Timestamp?
    /// When the run was suspended; set while it is.
    public var suspendedAt: Timestamp?
    /// Seconds of suspensions that are over, left out of the run's time limit.
    public var suspendedSeconds: Int64?

    public init(phase: EvalRunPhase) { self.phase = phase }
}

public struct SuiteStatus: Codable, Hashable, Sendable {
    public var name: String
    /// Tries so far; written before a try's pod is created.
    public var attempt: Int
    public var finished: Bool?
    public var samples: Int64?
    public var metrics: [String: Double]?
    public var lastFailure: String?
    public var notBefore: Timestamp?
    /// When the try's pod was first seen; missing from then on means lost.
    public var launchedAt: Timestamp?
    /// Tries that failed by themselves.
    public var failures: Int?
    /// Tries that the infrastructure ended.
    public var interruptions: Int?

    public init(name: String, attempt: Int) {
        self.name = name
        self.attempt = attempt
    }
}

public struct ThresholdResult: Codable, Hashable, Sendable {
    public var metric: String
    public var min: Double?
    public var max: Double?
    /// Absent if the metric is missing or not finite, which fails the gate.
    public var value: Double?
    public var passed: Bool

    public init(metric: String, min: Double?, max: Double?, value: Double?, passed: Bool) {
        self.metric = metric
        self.min = min
        self.max = max
        self.value = value
        self.passed = passed
    }
}
