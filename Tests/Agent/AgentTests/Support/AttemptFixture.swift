import AnnealAPI
import Foundation
import KubernetesAPI
import ObjectStorage

@testable import Agent

extension FakeLeases {
    /// The Lease of a training attempt, as the operator makes it.
    static func attempt(_ number: Int) -> FakeLeases {
        FakeLeases(Lease(metadata: ObjectMeta(name: "demo-\(number)", namespace: "team")))
    }
}

/// Training attempts and the commands around them, on the fixture's folder as the workspace.
extension AgentFixture {
    /// Writes a checkpoint as trainers do, to the folder that a pod sees, or to that of an attempt on the volume.
    func saveCheckpoint(step: Int, _ content: String, attempt: Int? = nil) throws {
        let folder = attempt.map { "attempts/attempt-\($0)/checkpoints" } ?? "checkpoints"
        try storage.write("\(folder)/step-\(step).tmp/weights", Data(content.utf8))
        try FileManager.default.moveItem(
            atPath: storage.path("\(folder)/step-\(step).tmp"), toPath: storage.path("\(folder)/step-\(step)")
        )
    }

    private func identity(_ attempt: Int) -> RunIdentity {
        var run = identity
        run.attempt = attempt
        return run
    }

    /// A context with fast time: the sidecar's second is a hundredth of a real one.
    private var fast: CommandContext {
        var context = context
        let start = ContinuousClock.now
        context.retryEnvironment = RetryEnvironment(
            now: { (ContinuousClock.now - start) * 100 }, sleep: { try await Task.sleep(for: $0 / 100) },
            random: { 0.5 })
        return context
    }

    /// Runs the sidecar while `body` runs, and stops it as the kubelet does.
    func whileSyncing(
        _ leases: FakeLeases, attempt: Int = 1, resumingFrom step: Int64? = nil,
        _ body: () async throws -> Void
    ) async throws {
        let (signals, stop) = AsyncStream<Int32>.makeStream()
        let configuration = SyncConfiguration(
            run: identity(attempt), storage: connection, artifactRoot: root,
            checkpointDirectory: storage.path("checkpoints"),
            metricsFile: storage.path("run/metrics.jsonl"),
            outputDirectory: storage.path("output"), resumeStep: step, keepLast: 2, keepBest: 1,
            leaseName: "demo-\(attempt)", heartbeatSeconds: 1)
        let command = SyncCommand(configuration: configuration, context: fast, leases: leases)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await command.run(until: signals) }
            try await body()
            stop.yield(SIGTERM)
            try await group.waitForAll()
        }
    }

    /// Waits for a condition. If it never holds, the expectations that follow fail.
    func eventually(_ condition: () async throws -> Bool) async throws {
        for _ in 0..<6000 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Steps of all checkpoint folders in S3, the newest first.
    func steps() async throws -> [Int64] {
        let store = CheckpointStore(
            synchroniser: storage.synchroniser, root: storage.location("uid/checkpoints"), run: "uid",
            newestAttempt: .max, logger: storage.logger)
        return try await store.folders().map(\.step)
    }

    /// Commits a checkpoint in S3.
    func commit(attempt: Int, step: Int64, run: String = "uid") async throws {
        try storage.write("staging/\(attempt)-\(step)/weights", Data("\(attempt) \(step)".utf8))
        let uri = ArtifactLayout.checkpoint(root: root, attempt: attempt, step: step)
        _ = try await storage.synchroniser.upload(
            storage.path("staging/\(attempt)-\(step)"), to: try S3Location(uri),
            UploadDescription(run: run, attempt: attempt, step: step))
    }

    /// Runs `prepare`; `newest` is the number of the newest attempt that is over.
    func prepare(left newest: Int? = nil) async throws -> StageReport {
        let model = StoredInput(storageUri: "s3://\(storage.bucket)/base")
        return try await PrepareCommand(
            configuration: PrepareConfiguration(
                run: identity, storage: connection,
                downloads: [.init(source: model, destination: storage.path("model"))],
                checkpointsUri: root + "/checkpoints", resumeDirectory: storage.path("resume/current"),
                left: newest.map {
                    .init(
                        directory: storage.path("attempts"), formerDirectory: storage.path("checkpoints"),
                        artifactRoot: root, newest: $0)
                },
                cleared: [storage.path("run"), storage.path("checkpoints")]),
            context: context
        ).run()
    }

    /// Runs `upload`, after a training attempt that wrote to a folder of its own.
    func upload(attempt: Int, trainedBy training: Int = 1) async throws -> StageReport {
        try await UploadCommand(
            configuration: uploadConfiguration(attempt: attempt, trainedBy: training), context: context
        ).run()
    }

    func uploadConfiguration(attempt: Int, trainedBy training: Int = 1) -> UploadConfiguration {
        UploadConfiguration(
            run: identity(attempt), storage: connection,
            directory: storage.path("attempts/attempt-\(training)/output"),
            formerDirectory: storage.path("output"), artifactRoot: root, destinationUri: root + "/model",
            trainingAttempt: training)
    }
}
