import AnnealAPI
import Foundation
import KubernetesAPI
import ObjectStorage
import Synchronization
import TestSupport
import Testing

@testable import Agent

/// `sync` and `upload` against a real store.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing))
struct CheckpointCommandTests {
    @Test func `checkpoints are committed, reported and pruned`() async throws {
        let fixture = try await AgentFixture()
        let leases = FakeLeases.attempt(1)
        try await fixture.whileSyncing(leases) {
            var metrics = "{\"step\": 0, \"evalLoss\": 9}\n"
            for (step, loss) in [(10, 1.0), (20, 3.0), (30, 2.0), (40, 2.5)] {
                metrics += "{\"step\": \(step), \"totalSteps\": 50, \"evalLoss\": \(loss)}\n"
                try fixture.storage.write("run/metrics.jsonl", Data(metrics.utf8))
                try await fixture.eventually {
                    leases.annotations[HeartbeatAnnotation.progress]?.contains("\"step\":\(step)") == true
                }
                try fixture.saveCheckpoint(step: step, "weights of \(step)")
                try await fixture.eventually {
                    leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":\(step)") == true
                }
            }
            try fixture.storage.write("checkpoints/step-45.tmp/weights", Data("half".utf8))
            try fixture.saveCheckpoint(step: 50, "last")
        }
        #expect(try await fixture.steps() == [50, 40, 10])
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

    @Test func `the longest times of a checkpoint's saving and upload are reported`() async throws {
        let fixture = try await AgentFixture()
        let state = SyncState()
        var observer = TrainerObserver(
            metricsFile: fixture.storage.path("run/metrics.jsonl"),
            checkpoints: LocalCheckpoints(directory: fixture.storage.path("checkpoints")))
        var time = Date(timeIntervalSince1970: 1_800_000_000)
        for (step, seconds) in [(10, 41.0), (20, 12.0), (30, 0.5)] {
            try fixture.storage.write("checkpoints/step-\(step).tmp/weights", Data("half".utf8))
            observer.look(state, now: time)
            time += seconds
            observer.look(state, now: time)
            try FileManager.default.moveItem(
                atPath: fixture.storage.path("checkpoints/step-\(step).tmp"),
                toPath: fixture.storage.path("checkpoints/step-\(step)"))
            observer.look(state, now: time)
        }
        // One that is given up was never saved.
        try fixture.storage.write("checkpoints/step-40.tmp/weights", Data("half".utf8))
        observer.look(state, now: time)
        try FileManager.default.removeItem(atPath: fixture.storage.path("checkpoints/step-40.tmp"))
        observer.look(state, now: time + 500)
        #expect(state.snapshot.checkpointSeconds == CheckpointSeconds(save: 45))
        let leases = FakeLeases.attempt(1)
        try await fixture.whileSyncing(leases) {
            try await fixture.eventually { leases.annotations[HeartbeatAnnotation.checkpoint] != nil }
        }
        let reported = try #require(leases.annotations[HeartbeatAnnotation.checkpointSeconds])
        let seconds = try JSONDecoder().decode(CheckpointSeconds.self, from: Data(reported.utf8))
        #expect((seconds.upload ?? 0) >= 5 && seconds.save == nil)
    }

    @Test(arguments: [true, false])
    func `the sidecar's last word says whether all is in S3`(hasModel: Bool) async throws {
        let fixture = try await AgentFixture()
        let leases = FakeLeases.attempt(1)
        try fixture.saveCheckpoint(step: 10, "weights")
        if hasModel { try fixture.storage.write("output/model.bin", Data("final".utf8)) }
        try await fixture.whileSyncing(leases) {
            try await fixture.eventually { leases.annotations[HeartbeatAnnotation.checkpoint] != nil }
            #expect(leases.annotations[HeartbeatAnnotation.flushed] == nil)
        }
        #expect(leases.annotations[HeartbeatAnnotation.flushed] == (hasModel ? nil : "true"))
    }

    @Test func `a checkpoint that is refused is not called saved`() async throws {
        let isRefused = Mutex(false)
        let fixture = try await AgentFixture { request in
            isRefused.withLock { $0 } && request.method == "PUT" ? .status(403) : .pass
        }
        let leases = FakeLeases.attempt(1)
        isRefused.withLock { $0 = true }
        try fixture.saveCheckpoint(step: 10, "weights")
        try await fixture.whileSyncing(leases) {
            try await fixture.eventually { leases.annotations[HeartbeatAnnotation.problem] != nil }
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
        let leases = FakeLeases.attempt(1)
        func save(_ step: Int, link target: String) throws {
            let folder = fixture.storage.path("checkpoints/step-\(step).tmp")
            try fixture.storage.write("checkpoints/step-\(step).tmp/.metadata", Data("index".utf8))
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/weights", withDestinationPath: target)
            try FileManager.default.moveItem(
                atPath: folder, toPath: fixture.storage.path("checkpoints/step-\(step)"))
        }
        try await fixture.whileSyncing(leases) {
            try save(10, link: "/etc/hostname")
            try await fixture.eventually { leases.annotations[HeartbeatAnnotation.problem] != nil }
            let problem = leases.annotations[HeartbeatAnnotation.problem] ?? ""
            #expect(problem.contains("'weights' is a link that leads out of the folder, to '/etc/hostname'"))
            #expect(problem.contains("/checkpoints/step-10'"))
            try save(20, link: ".metadata")
            try await fixture.eventually {
                leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":20") == true
            }
            #expect(leases.annotations[HeartbeatAnnotation.problem] != nil)
        }
        #expect(try await fixture.steps() == [20])
        let folder = fixture.storage.location("uid/checkpoints/attempt-0001/step-0000000020")
        let manifest = try await fixture.storage.synchroniser.manifest(of: folder)?.manifest
        #expect(manifest?.files.map(\.path) == [".metadata", "weights"])
        #expect(FileManager.default.fileExists(atPath: fixture.storage.path("checkpoints/step-10/.metadata")))
    }

    @Test func `a store that is down is reported and waited for`() async throws {
        let isDown = Mutex(true)
        let fixture = try await AgentFixture { _ in isDown.withLock { $0 } ? .status(503) : .pass }
        let leases = FakeLeases.attempt(1)
        try fixture.saveCheckpoint(step: 10, "weights")
        try await fixture.whileSyncing(leases) {
            try await fixture.eventually { leases.annotations[HeartbeatAnnotation.problem] != nil }
            #expect(leases.annotations[HeartbeatAnnotation.problem]?.contains("StorageUnavailable") == true)
            isDown.withLock { $0 = false }
            try await fixture.eventually { leases.annotations[HeartbeatAnnotation.problem] == nil }
        }
        #expect(leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":10") == true)
        #expect(leases.annotations[HeartbeatAnnotation.problem] == nil)
    }

    @Test func `an API server that is down does not stop uploads`() async throws {
        let fixture = try await AgentFixture()
        let leases = FakeLeases.attempt(1)
        leases.fail(.api(Status(message: "down", reason: "ServiceUnavailable", code: 503)))
        try fixture.saveCheckpoint(step: 10, "weights")
        try await fixture.whileSyncing(leases) {
            try await fixture.eventually { try await fixture.steps() == [10] }
            leases.fail(nil)
        }
        #expect(leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":10") == true)
    }

    @Test func `the model is uploaded once and by the newest attempt`() async throws {
        let fixture = try await AgentFixture()
        await #expect(throws: AgentFailure.self) { try await fixture.upload(attempt: 1) }
        try fixture.storage.write("attempts/attempt-1/output/adapter.safetensors", Data("weights".utf8))
        let report = try await fixture.upload(attempt: 2)
        #expect(report.output?.files == 1)
        #expect(report.output?.bytes == 7)
        let manifest = try await fixture.storage.client.get(
            fixture.storage.location("uid/model/anneal-manifest.json"), limit: 10_000)
        #expect(report.output?.manifestSha256 == ContentDigest.sha256(manifest))
        #expect(try await fixture.upload(attempt: 2).output == report.output)
        do {
            _ = try await fixture.upload(attempt: 1)
            Issue.record("an older attempt replaced a newer one's model")
        } catch { #expect(AgentFailure(error).reason == "NewerAttempt") }
    }

    @Test func `what cannot be uploaded of a model is named, and the rest goes`() async throws {
        let fixture = try await AgentFixture()
        try fixture.storage.write(
            "attempts/attempt-1/output/manifest.json", Data(#"{"format":"theirs"}"#.utf8))
        try fixture.storage.write("attempts/attempt-1/output/.config", Data("hidden".utf8))
        try FileManager.default.createSymbolicLink(
            atPath: fixture.storage.path("attempts/attempt-1/output/latest"), withDestinationPath: "gone")
        mkfifo(fixture.storage.path("attempts/attempt-1/output/pipe"), 0o644)
        let report = try await fixture.upload(attempt: 1)
        #expect(report.output?.files == 2)
        #expect(report.output?.leftOut == "'latest' is a link that leads nowhere, 'pipe' is a named pipe")
        #expect(report.message?.contains("not uploaded: 'latest'") == true)
        let theirs = try await fixture.storage.client.get(
            fixture.storage.location("uid/model/manifest.json"), limit: 100)
        #expect(theirs == Data(#"{"format":"theirs"}"#.utf8))
        // Nothing but what cannot go: there is no model.
        try FileTree.empty(fixture.storage.path("attempts/attempt-1/output"))
        mkfifo(fixture.storage.path("attempts/attempt-1/output/pipe"), 0o644)
        do {
            _ = try await fixture.upload(attempt: 1)
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
        let configuration = fixture.uploadConfiguration(attempt: 1)
        let path = try fixture.storage.write("config.json", try JSONEncoder().encode(configuration))
        func run(_ signals: AsyncStream<Int32>) async throws -> (code: Int64, reason: String) {
            let code = await AgentProgram(.upload, configurationPath: path, context: context).run(
                until: signals)
            let report = try JSONDecoder().decode(StageReport.self, from: try fixture.storage.read("result"))
            return (code, report.reason)
        }
        let (never, _) = AsyncStream<Int32>.makeStream()
        #expect(try await run(never) == (ExitCode.terminal, "NoOutput"))
        try fixture.storage.write("attempts/attempt-1/output/f", Data("x".utf8))
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
