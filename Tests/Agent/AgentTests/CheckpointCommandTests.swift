import AnnealAPI
import Foundation
import KubernetesAPI
import ObjectStorage
import Synchronization
import TestSupport
import Testing

@testable import Agent

/// `sync`, `prepare` and `upload` against a real store.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing))
struct CheckpointCommandTests {
    private func saveCheckpoint(_ fixture: AgentFixture, step: Int, _ content: String) throws {
        try fixture.storage.write("checkpoints/step-\(step).tmp/weights", Data(content.utf8))
        try FileManager.default.moveItem(
            atPath: fixture.storage.path("checkpoints/step-\(step).tmp"),
            toPath: fixture.storage.path("checkpoints/step-\(step)"))
    }

    private func configuration(_ fixture: AgentFixture, attempt: Int = 1) -> SyncConfiguration {
        var run = fixture.identity
        run.attempt = attempt
        return SyncConfiguration(
            run: run, storage: fixture.connection, artifactRoot: fixture.root,
            checkpointDirectory: fixture.storage.path("checkpoints"),
            metricsFile: fixture.storage.path("run/metrics.jsonl"),
            outputDirectory: fixture.storage.path("output"), keepLast: 2, keepBest: 1,
            leaseName: "demo-\(attempt)", heartbeatSeconds: 1)
    }

    /// A context with fast time: the sidecar's second is a hundredth of a real one.
    private func fast(_ fixture: AgentFixture) -> CommandContext {
        var context = fixture.context
        let start = ContinuousClock.now
        context.retryEnvironment = RetryEnvironment(
            now: { (ContinuousClock.now - start) * 100 }, sleep: { try await Task.sleep(for: $0 / 100) },
            random: { 0.5 })
        return context
    }

    /// Runs the sidecar while `body` runs, and stops it as the kubelet does.
    private func whileSyncing(
        _ fixture: AgentFixture, _ leases: FakeLeases, attempt: Int = 1, _ body: () async throws -> Void
    ) async throws {
        let (signals, stop) = AsyncStream<Int32>.makeStream()
        let command = SyncCommand(
            configuration: configuration(fixture, attempt: attempt), context: fast(fixture), leases: leases)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await command.run(until: signals) }
            try await body()
            stop.yield(SIGTERM)
            try await group.waitForAll()
        }
    }

    private func lease(_ attempt: Int = 1) -> FakeLeases {
        FakeLeases(Lease(metadata: ObjectMeta(name: "demo-\(attempt)", namespace: "team")))
    }

    /// Waits for a condition. If it never holds, the expectations that follow fail.
    private func eventually(_ condition: () async throws -> Bool) async throws {
        for _ in 0..<6000 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func steps(_ fixture: AgentFixture) async throws -> [Int64] {
        let root = fixture.storage.location("uid/checkpoints")
        let store = CheckpointStore(
            synchroniser: fixture.storage.synchroniser, root: root, run: "uid", logger: fixture.storage.logger
        )
        return try await store.folders().map(\.step)
    }

    @Test func `checkpoints are committed, reported and pruned`() async throws {
        let fixture = try await AgentFixture()
        let leases = lease()
        try await whileSyncing(fixture, leases) {
            var metrics = "{\"step\": 0, \"evalLoss\": 9}\n"
            for (step, loss) in [(10, 1.0), (20, 3.0), (30, 2.0), (40, 2.5)] {
                metrics += "{\"step\": \(step), \"totalSteps\": 50, \"evalLoss\": \(loss)}\n"
                try fixture.storage.write("run/metrics.jsonl", Data(metrics.utf8))
                try await eventually {
                    leases.annotations[HeartbeatAnnotation.progress]?.contains("\"step\":\(step)") == true
                }
                try saveCheckpoint(fixture, step: step, "weights of \(step)")
                try await eventually {
                    leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":\(step)") == true
                }
            }
            try fixture.storage.write("checkpoints/step-45.tmp/weights", Data("half".utf8))
            try saveCheckpoint(fixture, step: 50, "last")
        }
        #expect(try await steps(fixture) == [50, 40, 10])
        let newest = try #require(leases.annotations[HeartbeatAnnotation.checkpoint])
        let reference = try JSONDecoder().decode(CheckpointReference.self, from: Data(newest.utf8))
        #expect(reference.step == 50)
        #expect(reference.storageUri == ArtifactLayout.checkpoint(root: fixture.root, attempt: 1, step: 50))
        #expect(leases.annotations[HeartbeatAnnotation.bestCheckpoint]?.contains("\"step\":10,") == true)
        #expect(leases.annotations[HeartbeatAnnotation.progress]?.contains("\"initialEvalLoss\":9") == true)
        #expect(leases.snapshot.lease?.spec?.renewTime != nil)
        let left = try FileManager.default.contentsOfDirectory(atPath: fixture.storage.path("checkpoints"))
        #expect(left.sorted() == ["step-10", "step-40", "step-45.tmp", "step-50"])
    }

    @Test(arguments: [true, false])
    func `the sidecar's last word says whether all is in S3`(hasModel: Bool) async throws {
        let fixture = try await AgentFixture()
        let leases = lease()
        try saveCheckpoint(fixture, step: 10, "weights")
        if hasModel { try fixture.storage.write("output/model.bin", Data("final".utf8)) }
        try await whileSyncing(fixture, leases) {
            try await eventually { leases.annotations[HeartbeatAnnotation.checkpoint] != nil }
            #expect(leases.annotations[HeartbeatAnnotation.flushed] == nil)
        }
        #expect(leases.annotations[HeartbeatAnnotation.flushed] == (hasModel ? nil : "true"))
    }

    @Test func `a checkpoint that is refused is not called saved`() async throws {
        let isRefused = Mutex(false)
        let fixture = try await AgentFixture { request in
            isRefused.withLock { $0 } && request.method == "PUT" ? .status(403) : .pass
        }
        let leases = lease()
        isRefused.withLock { $0 = true }
        try saveCheckpoint(fixture, step: 10, "weights")
        try await whileSyncing(fixture, leases) {
            try await eventually { leases.annotations[HeartbeatAnnotation.problem] != nil }
        }
        #expect(leases.annotations[HeartbeatAnnotation.flushed] == nil)
    }

    @Test func `a file that grows deep in an unfinished checkpoint is a sign of life`() async throws {
        let fixture = try await AgentFixture()
        let shard = try fixture.storage.write("checkpoints/step-5.tmp/shards/0/weights", Data("a".utf8))
        let checkpoints = LocalCheckpoints(directory: fixture.storage.path("checkpoints"))
        let before = checkpoints.trace()
        try Data("ab".utf8).write(to: URL(filePath: shard))
        #expect(checkpoints.trace() != before)
    }

    @Test func `a checkpoint that cannot be uploaded is told, and holds up no other`() async throws {
        let fixture = try await AgentFixture()
        let leases = lease()
        func save(_ step: Int, link target: String) throws {
            let folder = fixture.storage.path("checkpoints/step-\(step).tmp")
            try fixture.storage.write("checkpoints/step-\(step).tmp/.metadata", Data("index".utf8))
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/weights", withDestinationPath: target)
            try FileManager.default.moveItem(
                atPath: folder, toPath: fixture.storage.path("checkpoints/step-\(step)"))
        }
        try await whileSyncing(fixture, leases) {
            try save(10, link: "/etc/hostname")
            try await eventually { leases.annotations[HeartbeatAnnotation.problem] != nil }
            let problem = leases.annotations[HeartbeatAnnotation.problem] ?? ""
            #expect(problem.contains("'weights' is a link that leads out of the folder, to '/etc/hostname'"))
            #expect(problem.contains("/checkpoints/step-10'"))
            try save(20, link: ".metadata")
            try await eventually {
                leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":20") == true
            }
            #expect(leases.annotations[HeartbeatAnnotation.problem] != nil)
        }
        #expect(try await steps(fixture) == [20])
        let folder = fixture.storage.location("uid/checkpoints/attempt-0001/step-0000000020")
        let manifest = try await fixture.storage.synchroniser.manifest(of: folder)?.manifest
        #expect(manifest?.files.map(\.path) == [".metadata", "weights"])
        #expect(FileManager.default.fileExists(atPath: fixture.storage.path("checkpoints/step-10/.metadata")))
    }

    @Test func `a store that is down is reported and waited for`() async throws {
        let isDown = Mutex(true)
        let fixture = try await AgentFixture { _ in isDown.withLock { $0 } ? .status(503) : .pass }
        let leases = lease()
        try saveCheckpoint(fixture, step: 10, "weights")
        try await whileSyncing(fixture, leases) {
            try await eventually { leases.annotations[HeartbeatAnnotation.problem] != nil }
            #expect(leases.annotations[HeartbeatAnnotation.problem]?.contains("StorageUnavailable") == true)
            isDown.withLock { $0 = false }
            try await eventually { leases.annotations[HeartbeatAnnotation.problem] == nil }
        }
        #expect(leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":10") == true)
        #expect(leases.annotations[HeartbeatAnnotation.problem] == nil)
    }

    @Test func `an API server that is down does not stop uploads`() async throws {
        let fixture = try await AgentFixture()
        let leases = lease()
        leases.fail(.api(Status(message: "down", reason: "ServiceUnavailable", code: 503)))
        try saveCheckpoint(fixture, step: 10, "weights")
        try await whileSyncing(fixture, leases) {
            try await eventually { try await steps(fixture) == [10] }
            leases.fail(nil)
        }
        #expect(leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":10") == true)
    }

    @Test func `a newer attempt is left alone`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put("x", "uid/checkpoints/attempt-0002/step-0000000005/weights")
        try saveCheckpoint(fixture, step: 10, "weights of attempt 1")
        try await whileSyncing(fixture, lease()) { try await Task.sleep(for: .milliseconds(50)) }
        #expect(try await steps(fixture) == [5])
        #expect(FileManager.default.fileExists(atPath: fixture.storage.path("checkpoints/step-10")))
    }

    private func commit(_ fixture: AgentFixture, attempt: Int, step: Int64, run: String = "uid") async throws
    {
        try fixture.storage.write("staging/\(attempt)-\(step)/weights", Data("\(attempt) \(step)".utf8))
        let uri = ArtifactLayout.checkpoint(root: fixture.root, attempt: attempt, step: step)
        _ = try await fixture.storage.synchroniser.upload(
            fixture.storage.path("staging/\(attempt)-\(step)"), to: try S3Location(uri),
            UploadDescription(run: run, attempt: attempt, step: step))
    }

    private func prepare(_ fixture: AgentFixture, left attempt: Int? = nil) async throws -> StageReport {
        let model = StoredInput(storageUri: "s3://\(fixture.storage.bucket)/base")
        return try await PrepareCommand(
            configuration: PrepareConfiguration(
                run: fixture.identity, storage: fixture.connection,
                downloads: [.init(source: model, destination: fixture.storage.path("model"))],
                checkpointsUri: fixture.root + "/checkpoints",
                resumeDirectory: fixture.storage.path("resume/current"),
                left: attempt.map {
                    .init(
                        directory: fixture.storage.path("checkpoints"), artifactRoot: fixture.root,
                        attempt: $0)
                },
                cleared: [fixture.storage.path("run"), fixture.storage.path("checkpoints")]),
            context: fixture.context
        ).run()
    }

    @Test func `what a sidecar that was killed left on the volume is committed before it is cleared`()
        async throws
    {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try await commit(fixture, attempt: 1, step: 10)
        try saveCheckpoint(fixture, step: 5, "older than what is committed")
        try saveCheckpoint(fixture, step: 20, "the last one")
        try fixture.storage.write("checkpoints/step-30.tmp/weights", Data("half".utf8))
        let report = try await prepare(fixture, left: 2)
        #expect(report.resume?.step == 20)
        #expect(report.resume?.attempt == 2)
        #expect(try fixture.text("resume/current/weights") == "the last one")
        #expect(try await steps(fixture) == [20, 10])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.storage.path("checkpoints")) == [])
    }

    @Test func `nothing is cleared while what is left there can't be committed`() async throws {
        let isRefused = Mutex(false)
        let fixture = try await AgentFixture { request in
            isRefused.withLock { $0 } && request.method == "PUT" ? .status(403) : .pass
        }
        try await fixture.put("{}", "base/config.json")
        try saveCheckpoint(fixture, step: 20, "the last one")
        isRefused.withLock { $0 = true }
        await #expect(throws: (any Error).self) { try await prepare(fixture, left: 1) }
        #expect(try fixture.text("checkpoints/step-20/weights") == "the last one")
    }

    @Test func `the newest valid checkpoint is resumed`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try fixture.storage.write("run/metrics.jsonl", Data("old".utf8))
        #expect(try await prepare(fixture).resume == nil)
        #expect(!FileManager.default.fileExists(atPath: fixture.storage.path("run/metrics.jsonl")))
        try await commit(fixture, attempt: 1, step: 10)
        try await commit(fixture, attempt: 1, step: 20)
        try await commit(fixture, attempt: 2, step: 20)
        #expect(try await prepare(fixture).resume?.attempt == 2)
        #expect(try fixture.text("resume/current/weights") == "2 20")
        // What another checkpoint left there, hidden or not, is no part of this one.
        try fixture.storage.write("resume/current/.metadata", Data("old".utf8))
        #expect(try await prepare(fixture).resume?.attempt == 2)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.storage.path("resume/current"))
                == ["weights"])
        // Checkpoints that do not count: not committed; of another run; damaged in the manifest, or in the
        // files.
        try await fixture.put("x", "uid/checkpoints/attempt-0002/step-0000000099/weights")
        try await commit(fixture, attempt: 2, step: 50, run: "other")
        try await commit(fixture, attempt: 2, step: 40)
        try await fixture.put("{", "uid/checkpoints/attempt-0002/step-0000000040/anneal-manifest.json")
        try await commit(fixture, attempt: 2, step: 30)
        try await fixture.put("2 31", "uid/checkpoints/attempt-0002/step-0000000030/weights")
        let report = try await prepare(fixture)
        #expect(report.resume?.step == 20)
        #expect(try fixture.text("resume/current/weights") == "2 20")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.storage.path("resume")) == ["current"]
        )
        #expect(report.message?.contains("goes on from step 20") == true)
    }

    @Test func `a missing input is named`() async throws {
        let fixture = try await AgentFixture()
        do {
            _ = try await prepare(fixture)
            Issue.record("there was nothing to prepare from")
        } catch {
            let failure = AgentFailure(error)
            #expect(failure.reason == "InputNotFound")
            #expect(failure.message.contains("/base") == true)
        }
    }

    private func upload(_ fixture: AgentFixture, attempt: Int) async throws -> StageReport {
        var run = fixture.identity
        run.attempt = attempt
        return try await UploadCommand(
            configuration: UploadConfiguration(
                run: run, storage: fixture.connection, directory: fixture.storage.path("output"),
                destinationUri: fixture.root + "/model"), context: fixture.context
        ).run()
    }

    @Test func `the model is uploaded once and by the newest attempt`() async throws {
        let fixture = try await AgentFixture()
        await #expect(throws: AgentFailure.self) { try await upload(fixture, attempt: 1) }
        try fixture.storage.write("output/adapter.safetensors", Data("weights".utf8))
        let report = try await upload(fixture, attempt: 2)
        #expect(report.output?.files == 1)
        #expect(report.output?.bytes == 7)
        let manifest = try await fixture.storage.client.get(
            fixture.storage.location("uid/model/anneal-manifest.json"), limit: 10_000)
        #expect(report.output?.manifestSha256 == ContentDigest.sha256(manifest))
        #expect(try await upload(fixture, attempt: 2).output == report.output)
        do {
            _ = try await upload(fixture, attempt: 1)
            Issue.record("an older attempt replaced a newer one's model")
        } catch { #expect(AgentFailure(error).reason == "NewerAttempt") }
    }

    @Test func `what cannot be uploaded of a model is named, and the rest goes`() async throws {
        let fixture = try await AgentFixture()
        try fixture.storage.write("output/manifest.json", Data(#"{"format":"theirs"}"#.utf8))
        try fixture.storage.write("output/.config", Data("hidden".utf8))
        try FileManager.default.createSymbolicLink(
            atPath: fixture.storage.path("output/latest"), withDestinationPath: "gone")
        mkfifo(fixture.storage.path("output/pipe"), 0o644)
        let report = try await upload(fixture, attempt: 1)
        #expect(report.output?.files == 2)
        #expect(report.output?.leftOut == "'latest' is a link that leads nowhere, 'pipe' is a named pipe")
        #expect(report.message?.contains("not uploaded: 'latest'") == true)
        let theirs = try await fixture.storage.client.get(
            fixture.storage.location("uid/model/manifest.json"), limit: 100)
        #expect(theirs == Data(#"{"format":"theirs"}"#.utf8))
        // Nothing but what cannot go: there is no model.
        try FileTree.empty(fixture.storage.path("output"))
        mkfifo(fixture.storage.path("output/pipe"), 0o644)
        do {
            _ = try await upload(fixture, attempt: 1)
            Issue.record("a pipe was taken for a model")
        } catch {
            #expect(AgentFailure(error).reason == "NoOutput")
            #expect(AgentFailure(error).message.contains("'pipe' is a named pipe"))
        }
    }

    @Test func `a program reports and stops`() async throws {
        let fixture = try await AgentFixture()
        let result = fixture.storage.path("result")
        var context = fixture.context
        context.environment[EnvironmentName.result] = result
        let configuration = UploadConfiguration(
            run: fixture.identity, storage: fixture.connection, directory: fixture.storage.path("output"),
            destinationUri: fixture.root + "/model")
        let path = try fixture.storage.write("config.json", try JSONEncoder().encode(configuration))
        func run(_ signals: AsyncStream<Int32>) async throws -> (code: Int64, reason: String) {
            let code = await AgentProgram(.upload, configurationPath: path, context: context).run(
                until: signals)
            let report = try JSONDecoder().decode(StageReport.self, from: try fixture.storage.read("result"))
            return (code, report.reason)
        }
        let (never, _) = AsyncStream<Int32>.makeStream()
        #expect(try await run(never) == (ExitCode.terminal, "NoOutput"))
        try fixture.storage.write("output/f", Data("x".utf8))
        let (again, _) = AsyncStream<Int32>.makeStream()
        #expect(try await run(again) == (ExitCode.success, "Succeeded"))
        // The store never answers, and SIGTERM comes.
        let (descriptor, port) = try Loopback.listen()
        defer { close(descriptor) }
        var silent = configuration
        silent.storage.endpoint = "http://127.0.0.1:\(port)"
        try fixture.storage.write("config.json", try JSONEncoder().encode(silent))
        let (signals, stop) = AsyncStream<Int32>.makeStream()
        stop.yield(SIGTERM)
        #expect(try await run(signals) == (ExitCode.retryable, "Cancelled"))
    }
}
