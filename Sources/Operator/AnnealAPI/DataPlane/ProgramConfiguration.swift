/// `ANNEAL_CONFIG` of a trainer: documented for those who bring their own in `examples/runtimes/README.md`.
public struct TrainerConfiguration: Codable, Hashable, Sendable {
    public struct Model: Codable, Hashable, Sendable {
        public var path: String
        public init(path: String) { self.path = path }
    }

    public struct Records: Codable, Hashable, Sendable {
        public var train: String
        public var validation: String
        public var format: DatasetFormat
        public init(train: String, validation: String, format: DatasetFormat) {
            self.train = train
            self.validation = validation
            self.format = format
        }
    }

    public struct Checkpoints: Codable, Hashable, Sendable {
        public var everySteps: Int?
        public var everySeconds: Int?
        public var directory: String
        public init(everySteps: Int?, everySeconds: Int?, directory: String) {
            self.everySteps = everySteps
            self.everySeconds = everySeconds
            self.directory = directory
        }
    }

    public var run: RunIdentity
    public var method: TrainingMethod
    public var model: Model
    public var data: Records
    public var hyperparameters: Hyperparameters
    public var parameters: [String: String]
    public var checkpoint: Checkpoints
    public var metricsFile: String
    public var output: String

    public init(
        run: RunIdentity, method: TrainingMethod, model: Model, data: Records,
        hyperparameters: Hyperparameters, parameters: [String: String], checkpoint: Checkpoints,
        metricsFile: String, output: String
    ) {
        self.run = run
        self.method = method
        self.model = model
        self.data = data
        self.hyperparameters = hyperparameters
        self.parameters = parameters
        self.checkpoint = checkpoint
        self.metricsFile = metricsFile
        self.output = output
    }
}

/// `ANNEAL_CONFIG` of an evaluator.
public struct EvaluatorConfiguration: Codable, Hashable, Sendable {
    public struct Model: Codable, Hashable, Sendable {
        public var path: String
        /// An adapter on the model at `path`; absent for a whole model.
        public var adapter: String?
        public init(path: String, adapter: String?) {
            self.path = path
            self.adapter = adapter
        }
    }

    public struct Suite: Codable, Hashable, Sendable {
        public var name: String
        public var type: EvaluationSuite.Kind
        public var data: String?
        public var format: DatasetFormat?
        public var limit: Int?
        public var maxNewTokens: Int?
        public var batchSize: Int?
        public var parameters: [String: String]
        public init(
            name: String, type: EvaluationSuite.Kind, data: String?, format: DatasetFormat?, limit: Int?,
            maxNewTokens: Int?, batchSize: Int?, parameters: [String: String]
        ) {
            self.name = name
            self.type = type
            self.data = data
            self.format = format
            self.limit = limit
            self.maxNewTokens = maxNewTokens
            self.batchSize = batchSize
            self.parameters = parameters
        }
    }

    public var run: RunIdentity
    public var model: Model
    public var suite: Suite
    public var seed: Int64
    public var output: String

    public init(run: RunIdentity, model: Model, suite: Suite, seed: Int64, output: String) {
        self.run = run
        self.model = model
        self.suite = suite
        self.seed = seed
        self.output = output
    }
}
