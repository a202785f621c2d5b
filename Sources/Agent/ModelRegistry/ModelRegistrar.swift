import FoundationEssentials
import KubernetesAPI
import Logging

/// A model with the entries that it shall have in the registry.
public struct ModelRegistration: Hashable, Sendable {
    public var experiment: String
    public var modelName: String
    /// Key that makes registering idempotent: there is one MLflow run and one version with it.
    public var runUID: String
    /// Name for people.
    public var runName: String
    /// Address of the model's files.
    public var source: String
    public var params: [String: String] = [:]
    /// Metrics; those that are not finite are left out.
    public var metrics: [String: Double] = [:]
    public var runTags: [String: String] = [:]
    public var versionTags: [String: String] = [:]
    public var alias: String

    public init(
        experiment: String, modelName: String, runUID: String, runName: String, source: String, alias: String
    ) {
        self.experiment = experiment
        self.modelName = modelName
        self.runUID = runUID
        self.runName = runName
        self.source = source
        self.alias = alias
    }
}

/// Version of a registered model, and its MLflow run.
public struct RegisteredVersion: Hashable, Sendable {
    public var version: String
    public var runID: String
}

/// Registers models. Every step looks before it creates, and what it creates bears the run's UID from the
/// same request on: a registrar that is killed between any two requests and starts again creates nothing
/// twice.
public struct ModelRegistrar: Sendable {
    public static let uidTag = "anneal.dev/run-uid"
    /// Entries that MLflow takes in one `log-batch`, at most.
    private static let paramsPerBatch = 100
    private static let metricsPerBatch = 1000

    private let client: MLflowClient
    private let now: @Sendable () -> Date
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger

    public init(
        client: MLflowClient, now: @escaping @Sendable () -> Date,
        sleep: @escaping @Sendable (Duration) async throws -> Void, logger: Logger
    ) {
        self.client = client
        self.now = now
        self.sleep = sleep
        self.logger = logger
    }

    /// Registers a model. While the registry is down it begins again from the first look; it makes at most
    /// `attempts` attempts in all.
    public func register(
        _ model: ModelRegistration, attempts: Int = 6
    ) async throws(RegistryError) -> RegisteredVersion {
        try RegistryNames.check(model: model.modelName, experiment: model.experiment)
        var wait = Duration.milliseconds(500)
        var left = attempts
        while true {
            do { return try await registerOnce(model) } catch {
                left -= 1
                guard error.isRetryable, error.code != .cancelled, left > 0 else { throw error }
                logger.warning("\(error.message)", metadata: ["nextTryIn": "\(wait)"])
            }
            do { try await sleep(wait) } catch { throw RegistryError(.cancelled, "stopped") }
            wait = min(wait * 2, .seconds(15))
        }
    }

    private func registerOnce(_ model: ModelRegistration) async throws(RegistryError) -> RegisteredVersion {
        let experiment = try await client.experiment(named: model.experiment)
        let startedAt = milliseconds
        let run: String
        if let found = try await client.run(in: experiment, tag: Self.uidTag, value: model.runUID) {
            run = found
        } else {
            var tags = model.runTags
            tags[Self.uidTag] = model.runUID
            run = try await client.createRun(
                in: experiment, name: model.runName, startedAt: startedAt, tags: tags)
        }
        try await log(model, run: run)
        try await client.createModelIfMissing(model.modelName)
        let version = try await self.version(of: model, run: run)
        try await client.post(
            "runs/update",
            ["run_id": .string(run), "status": "FINISHED", "end_time": .integer(milliseconds)])
        return RegisteredVersion(version: version, runID: run)
    }

    private var milliseconds: Int64 { Int64(now().timeIntervalSince1970 * 1000) }

    private func log(_ model: ModelRegistration, run: String) async throws(RegistryError) {
        let params = model.params.sorted { $0.key < $1.key }.map { key, value -> JSONValue in
            ["key": .string(Self.key(key)), "value": .string(String(value.prefix(6000)))]
        }
        for start in stride(from: 0, to: params.count, by: Self.paramsPerBatch) {
            let batch = params[start..<min(start + Self.paramsPerBatch, params.count)]
            try await client.post("runs/log-batch", ["run_id": .string(run), "params": .array(Array(batch))])
        }
        let metrics = model.metrics.filter(\.value.isFinite).sorted { $0.key < $1.key }.map {
            key, value -> JSONValue in
            // All attempts share one timestamp, so that a repeated point is the same point.
            ["key": .string(Self.key(key)), "value": .number(value), "timestamp": 0, "step": 0]
        }
        for start in stride(from: 0, to: metrics.count, by: Self.metricsPerBatch) {
            let batch = metrics[start..<min(start + Self.metricsPerBatch, metrics.count)]
            try await client.post(
                "runs/log-batch", ["run_id": .string(run), "metrics": .array(Array(batch))])
        }
    }

    private func version(of model: ModelRegistration, run: String) async throws(RegistryError) -> String {
        if let found = try await client.version(of: model.modelName, tag: Self.uidTag, value: model.runUID) {
            try await setAliasUnlessNewer(model, version: found)
            return found
        }
        var tags = model.versionTags
        tags[Self.uidTag] = model.runUID
        let made = try await client.createVersion(
            of: model.modelName, source: model.source, run: run, tags: tags)
        logger.info("registered version \(made) of \(model.modelName)")
        try await setAlias(model, version: made)
        return made
    }

    /// Sets the alias unless it belongs to a newer version: another run may have overtaken a version that an
    /// earlier attempt made.
    private func setAliasUnlessNewer(_ model: ModelRegistration, version: String) async throws(RegistryError)
    {
        let holder = try await client.version(of: model.modelName, alias: model.alias)
        if let holder, let other = Int64(holder), let own = Int64(version), other >= own { return }
        try await setAlias(model, version: version)
    }

    private func setAlias(_ model: ModelRegistration, version: String) async throws(RegistryError) {
        try await client.post(
            "registered-models/alias",
            ["name": .string(model.modelName), "alias": .string(model.alias), "version": .string(version)])
    }

    /// A key that MLflow accepts: letters, digits, `_ - . : /` and blanks, at most 250.
    private static func key(_ text: String) -> String {
        String(
            text.unicodeScalars.prefix(250).map { scalar -> Character in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".", ":", "/", " ": Character(scalar)
                default: "_"
                }
            })
    }
}
