/// `ANNEAL_CONFIG` of a trainer: documented for those who bring their own in `examples/runtimes/README.md`.
public struct TrainerConfiguration: Codable, Hashable, Sendable {
    /// The base model.
    public struct Model: Codable, Hashable, Sendable {
        /// Folder of the model.
        public var path: String

        /// A model in a folder.
        public init(path: String) { self.path = path }
    }

    /// The processed records.
    public struct Records: Codable, Hashable, Sendable {
        /// File of the records that training sees.
        public var train: String
        /// File of the records that are held back for validation.
        public var validation: String
        /// Shape of a record.
        public var format: DatasetFormat

        /// Two files of one format.
        public init(train: String, validation: String, format: DatasetFormat) {
            self.train = train
            self.validation = validation
            self.format = format
        }
    }

    /// Checkpoints that the trainer is to write; exactly one interval is set.
    public struct Checkpoints: Codable, Hashable, Sendable {
        /// Optimiser steps between two. Nil: seconds decide.
        public var everySteps: Int?
        /// Seconds between two. Nil: steps decide.
        public var everySeconds: Int?
        /// Folder to write them to.
        public var directory: String

        /// Checkpoints by steps or by seconds.
        public init(everySteps: Int?, everySeconds: Int?, directory: String) {
            self.everySteps = everySteps
            self.everySeconds = everySeconds
            self.directory = directory
        }
    }

    /// Run and attempt that the trainer works for.
    public var run: RunIdentity
    /// Way of training.
    public var method: TrainingMethod
    /// The base model.
    public var model: Model
    /// The processed records.
    public var data: Records
    /// The known hyperparameters; one that is nil is left to the trainer.
    public var hyperparameters: Hyperparameters
    /// The trainer's own parameters, as the user wrote them.
    public var parameters: [String: String]
    /// Checkpoints that the trainer is to write.
    public var checkpoint: Checkpoints
    /// File to write metrics to, one JSON object a line.
    public var metricsFile: String
    /// Folder to write the final model to.
    public var output: String

    /// All that a trainer is told.
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
    /// The model to measure.
    public struct Model: Codable, Hashable, Sendable {
        /// Folder of the model.
        public var path: String
        /// Folder of an adapter on the model at `path`; nil for a whole model.
        public var adapter: String?

        /// A whole model, or one with an adapter on it.
        public init(path: String, adapter: String?) {
            self.path = path
            self.adapter = adapter
        }
    }

    /// The suite to run.
    public struct Suite: Codable, Hashable, Sendable {
        /// Name of the suite.
        public var name: String
        /// Way of measuring.
        public var type: EvaluationSuite.Kind
        /// File of the records; nil for a custom suite without any.
        public var data: String?
        /// Shape of a record; nil with a task file, or without records.
        public var format: DatasetFormat?
        /// Records at most. Nil: all.
        public var limit: Int?
        /// Tokens generated at most, for a record. Nil: the evaluator's default.
        public var maxNewTokens: Int?
        /// Records at once. Nil: the evaluator's default.
        public var batchSize: Int?
        /// The evaluator's own parameters, as the user wrote them.
        public var parameters: [String: String]

        /// A suite with all that is known of it.
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

    /// Run and attempt that the evaluator works for.
    public var run: RunIdentity
    /// The model to measure.
    public var model: Model
    /// The suite to run.
    public var suite: Suite
    /// Seed of everything random.
    public var seed: Int64
    /// Folder to write details to, such as answers.
    public var output: String

    /// All that an evaluator is told.
    public init(run: RunIdentity, model: Model, suite: Suite, seed: Int64, output: String) {
        self.run = run
        self.model = model
        self.suite = suite
        self.seed = seed
        self.output = output
    }
}
