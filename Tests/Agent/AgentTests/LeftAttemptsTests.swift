import AnnealAPI
import Foundation
import KubernetesAPI
import ObjectStorage
import Synchronization
import TestSupport
import Testing

@testable import Agent

/// What attempts leave on the volume and in S3, and what their successors make of it.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing))
struct LeftAttemptsTests {
    @Test func `what a sidecar that was killed left on the volume is committed before it is cleared`()
        async throws
    {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try await fixture.commit(attempt: 1, step: 10)
        try fixture.saveCheckpoint(step: 5, "older than what is committed")
        try fixture.saveCheckpoint(step: 20, "the last one")
        try fixture.storage.write("checkpoints/step-30.tmp/weights", Data("half".utf8))
        let report = try await fixture.prepare(left: 2)
        #expect(report.resume?.step == 20)
        #expect(report.resume?.attempt == 2)
        #expect(try fixture.text("resume/current/weights") == "the last one")
        #expect(try await fixture.steps() == [20, 10])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.storage.path("checkpoints")) == [])
    }

    @Test func `nothing is cleared while what is left there can't be committed`() async throws {
        let isRefused = Mutex(false)
        let fixture = try await AgentFixture { request in
            isRefused.withLock { $0 } && request.method == "PUT" ? .status(403) : .pass
        }
        try await fixture.put("{}", "base/config.json")
        try fixture.saveCheckpoint(step: 20, "the last one")
        isRefused.withLock { $0 = true }
        await #expect(throws: (any Error).self) { try await fixture.prepare(left: 1) }
        #expect(try fixture.text("checkpoints/step-20/weights") == "the last one")
    }

    @Test func `the newest valid checkpoint is resumed`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try fixture.storage.write("run/metrics.jsonl", Data("old".utf8))
        #expect(try await fixture.prepare().resume == nil)
        #expect(!FileManager.default.fileExists(atPath: fixture.storage.path("run/metrics.jsonl")))
        try await fixture.commit(attempt: 1, step: 10)
        try await fixture.commit(attempt: 1, step: 20)
        try await fixture.commit(attempt: 2, step: 20)
        #expect(try await fixture.prepare().resume?.attempt == 2)
        #expect(try fixture.text("resume/current/weights") == "2 20")
        // What another checkpoint left there, hidden or not, is no part of this one.
        try fixture.storage.write("resume/current/.metadata", Data("old".utf8))
        #expect(try await fixture.prepare().resume?.attempt == 2)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.storage.path("resume/current"))
                == ["weights"])
        // Checkpoints that do not count: not committed; of another run; damaged in the manifest, or in the
        // files.
        try await fixture.put("x", "uid/checkpoints/attempt-0002/step-0000000099/weights")
        try await fixture.commit(attempt: 2, step: 50, run: "other")
        try await fixture.commit(attempt: 2, step: 40)
        try await fixture.put("{", "uid/checkpoints/attempt-0002/step-0000000040/anneal-manifest.json")
        try await fixture.commit(attempt: 2, step: 30)
        try await fixture.put("2 31", "uid/checkpoints/attempt-0002/step-0000000030/weights")
        let report = try await fixture.prepare()
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
            _ = try await fixture.prepare()
            Issue.record("there was nothing to prepare from")
        } catch {
            let failure = AgentFailure(error)
            #expect(failure.reason == "InputNotFound")
            #expect(failure.message.contains("/base") == true)
        }
    }

    @Test func `each attempt's checkpoints are committed as its own, and all folders but a later one's go`()
        async throws
    {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try await fixture.commit(attempt: 1, step: 10)
        // Attempt 1 lives on, on a node that is cut off, and has written step 30 since.
        try fixture.saveCheckpoint(step: 10, "1 10", attempt: 1)
        try fixture.saveCheckpoint(step: 30, "of attempt 1", attempt: 1)
        try fixture.saveCheckpoint(step: 20, "of attempt 2", attempt: 2)
        try fixture.storage.write("attempts/attempt-2/run/metrics.jsonl", Data("old".utf8))
        try fixture.saveCheckpoint(step: 40, "in use", attempt: 3)
        let report = try await fixture.prepare(left: 2)
        #expect(report.resume?.step == 30 && report.resume?.attempt == 1)
        #expect(try await fixture.steps() == [30, 20, 10])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.storage.path("attempts"))
                == ["attempt-3"])
    }

    @Test func `a folder that somebody still writes to holds up nothing`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        let folder = fixture.storage.path("attempts/attempt-1/checkpoints")
        try fixture.saveCheckpoint(step: 5, "weights", attempt: 1)
        let isOver = Mutex(false)
        let writer = Thread {
            for number in 0... {
                if isOver.withLock({ $0 }) { break }
                // The mount of a pod lives on when its folder goes, and nothing can be made there then.
                mkdir("\(folder)/step-\(number).tmp", 0o755)
                usleep(500)
            }
        }
        writer.start()
        defer { isOver.withLock { $0 = true } }
        #expect(try await fixture.prepare(left: 1).resume?.step == 5)
    }

    @Test func `the model is that of the attempt that succeeded`() async throws {
        let fixture = try await AgentFixture()
        try fixture.storage.write("attempts/attempt-1/output/model.bin", Data("late".utf8))
        try fixture.storage.write("attempts/attempt-2/output/model.bin", Data("good".utf8))
        try fixture.storage.write("output/model.bin", Data("former".utf8))
        _ = try await fixture.upload(attempt: 1, trainedBy: 2)
        let model = fixture.storage.location("uid/model/model.bin")
        #expect(try await fixture.storage.client.get(model, limit: 100) == Data("good".utf8))
        // An attempt of an older release has no folder of its own.
        _ = try await fixture.upload(attempt: 2, trainedBy: 3)
        #expect(try await fixture.storage.client.get(model, limit: 100) == Data("former".utf8))
        // A pod of its gang that was created after the upgrade has one, and writes nothing there.
        try FileTree.makeFolder(fixture.storage.path("attempts/attempt-3/output"))
        let report = try await fixture.upload(attempt: 3, trainedBy: 3)
        #expect(report.output?.files == 1)
    }

    /// Only forgery makes them: no attempt has these numbers.
    @Test(arguments: [false, true])
    func `a checkpoint of an attempt that has not begun stops no upload and is not resumed from`(
        isCommitted: Bool
    ) async throws {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        let forged = "uid/checkpoints/attempt-0099/step-0000000999"
        if isCommitted {
            try await fixture.commit(attempt: 99, step: 999)
        } else {
            try await fixture.put("x", "\(forged)/weights")
        }
        // In the attempt's own folder, too.
        let manifest = Manifest(run: "uid", attempt: 99, step: 10, createdAt: "", files: [])
        try await fixture.put(
            String(decoding: try manifest.serialized(), as: UTF8.self),
            "uid/checkpoints/attempt-0001/step-0000000010/\(Manifest.fileName)")
        let leases = FakeLeases.attempt(1)
        try fixture.saveCheckpoint(step: 10, "weights of attempt 1")
        try await fixture.whileSyncing(leases) {
            try await fixture.eventually {
                leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":10,") == true
            }
        }
        #expect(leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":10,") == true)
        let report = try await fixture.prepare(left: 1)
        #expect(report.resume?.step == 10 && report.resume?.attempt == 1)
        let left = fixture.storage.location("\(forged)/weights")
        #expect(try await fixture.storage.client.headIfExists(left) != nil, "nobody's to remove")
    }

    @Test func `checkpoints beyond the step that training goes on from keep no new one from its upload`()
        async throws
    {
        let fixture = try await AgentFixture()
        for step in [10, 900, 950, 1000] { try await fixture.commit(attempt: 1, step: Int64(step)) }
        // One of the attempt's own number that no trainer wrote.
        try await fixture.commit(attempt: 2, step: 20)
        let leases = FakeLeases.attempt(2)
        try await fixture.whileSyncing(leases, attempt: 2, resumingFrom: 10) {
            try await fixture.eventually { leases.annotations[HeartbeatAnnotation.checkpoint] != nil }
            #expect(leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":10,") == true)
            for step in [20, 30] {
                try fixture.saveCheckpoint(step: step, "weights of \(step)")
                try await fixture.eventually {
                    leases.annotations[HeartbeatAnnotation.checkpoint]?.contains("\"step\":\(step),") == true
                }
            }
        }
        let newest = leases.annotations[HeartbeatAnnotation.checkpoint]
        #expect(newest?.contains("\"step\":30,") == true && newest?.contains("\"attempt\":2,") == true)
        #expect(leases.annotations[HeartbeatAnnotation.flushed] == "true")
        let second = fixture.storage.location("uid/checkpoints/attempt-0002/step-0000000020/weights")
        #expect(try await fixture.storage.client.get(second, limit: 100) == Data("weights of 20".utf8))
        // They are left alone until training has passed them.
        #expect(try await fixture.steps() == [1000, 950, 900, 30, 20])
    }

    private func beginUpload(_ fixture: AgentFixture, _ key: String) throws {
        _ = try fixture.storage.server.boto(
            "s3.create_multipart_upload(Bucket=sys.argv[1], Key=sys.argv[2])", [fixture.storage.bucket, key])
    }

    private func unfinished(_ fixture: AgentFixture) throws -> [String] {
        try fixture.storage.server.boto(
            """
            found = s3.list_multipart_uploads(Bucket=sys.argv[1]).get("Uploads", [])
            print("\\n".join(sorted(u["Key"] for u in found)), end="")
            """, [fixture.storage.bucket]
        ).split(separator: "\n").map(String.init)
    }

    @Test func `what earlier attempts left unfinished in S3 is removed by prepare, and nothing else`()
        async throws
    {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try await fixture.commit(attempt: 1, step: 10)
        try await fixture.put("x", "uid/checkpoints/attempt-0001/step-0000000020/weights")
        try await fixture.put("{", "uid/checkpoints/attempt-0001/step-0000000030/anneal-manifest.json")
        try await fixture.put("x", "uid/checkpoints/attempt-0002/step-0000000040/weights")
        try await fixture.put("x", "other/checkpoints/attempt-0001/step-0000000020/weights")
        let kept = [
            "other/checkpoints/attempt-0001/step-0000000020/large",
            "uid/checkpoints/attempt-0002/step-0000000040/large", "uid/model/large",
        ]
        for key in kept + ["uid/checkpoints/attempt-0001/step-0000000020/ü large"] {
            try beginUpload(fixture, key)
        }
        _ = try await fixture.prepare(left: 1)
        #expect(try unfinished(fixture) == kept)
        // A manifest that cannot be read may be somebody's only trace of what it was.
        #expect(try await fixture.steps() == [40, 30, 10])
        let others = fixture.storage.location("other/checkpoints/attempt-0001/step-0000000020/weights")
        #expect(try await fixture.storage.client.headIfExists(others) != nil)
    }

    @Test func `the last stage removes what all attempts left unfinished`() async throws {
        let fixture = try await AgentFixture()
        try fixture.storage.write("attempts/attempt-2/output/model.bin", Data("good".utf8))
        try await fixture.commit(attempt: 2, step: 10)
        try await fixture.put("x", "uid/checkpoints/attempt-0002/step-0000000020/weights")
        try await fixture.put("x", "uid/model/half-done")
        for key in ["uid/checkpoints/attempt-0002/step-0000000020/large", "uid/model/large", "uid/data/a"] {
            try beginUpload(fixture, key)
        }
        _ = try await fixture.upload(attempt: 2, trainedBy: 2)
        #expect(try await fixture.steps() == [10])
        #expect(try unfinished(fixture) == ["uid/data/a"])
        let stray = fixture.storage.location("uid/model/half-done")
        #expect(try await fixture.storage.client.headIfExists(stray) == nil)
    }

    @Test func `a store that refuses to list or delete holds up nothing`() async throws {
        let fixture = try await AgentFixture { request in
            request.method == "DELETE" || request.target.contains("uploads") ? .status(403) : .pass
        }
        try fixture.storage.write("attempts/attempt-1/output/model.bin", Data("good".utf8))
        try await fixture.put("x", "uid/model/half-done")
        try await fixture.put("x", "uid/checkpoints/attempt-0001/step-0000000020/weights")
        #expect(try await fixture.upload(attempt: 1).output?.files == 1)
    }

    @Test func `an input's folder holds the input and nothing else`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try await fixture.put("w", "base/sub/weights")
        try fixture.storage.write("model/sub/weights-of-another", Data("old".utf8))
        try fixture.storage.write("model/.preprocessing.json", Data("old".utf8))
        _ = try await fixture.prepare()
        let files = try FolderContents(of: fixture.storage.path("model")).files.map(\.path)
        #expect(files == ["config.json", "sub/weights"])
    }
}
