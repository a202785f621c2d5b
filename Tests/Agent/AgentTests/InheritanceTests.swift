import AnnealAPI
import Foundation
import ObjectStorage
import TestSupport
import Testing

@testable import Agent

/// `prepare` and `validate` of a run that continues another, against a real store.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing))
struct InheritanceTests {
    /// Commits a checkpoint of whichever run has its folder at `root`.
    private func commit(
        _ fixture: AgentFixture, of run: String, attempt: Int, step: Int64
    ) async throws -> CheckpointReference {
        try fixture.storage.write("staging/\(run)-\(step)/weights", Data("\(run) \(step)".utf8))
        let root = "s3://\(fixture.storage.bucket)/\(run)"
        let uri = ArtifactLayout.checkpoint(root: root, attempt: attempt, step: step)
        let manifest = try await fixture.storage.synchroniser.upload(
            fixture.storage.path("staging/\(run)-\(step)"), to: try S3Location(uri),
            UploadDescription(run: run, attempt: attempt, step: step))
        return CheckpointReference(
            step: step, attempt: attempt, storageUri: uri, manifestSha256: manifest.sha256)
    }

    private func prepare(
        _ fixture: AgentFixture, inheriting checkpoint: CheckpointReference, hasTrained: Bool = false
    ) async throws -> StageReport {
        try await PrepareCommand(
            configuration: PrepareConfiguration(
                run: fixture.identity, storage: fixture.connection, downloads: [],
                checkpointsUri: hasTrained ? fixture.root + "/checkpoints" : nil, inherited: checkpoint,
                resumeDirectory: fixture.storage.path("resume/current")),
            context: fixture.context
        ).run()
    }

    @Test func `a run goes on from another's checkpoint until it has one of its own`() async throws {
        let fixture = try await AgentFixture()
        let inherited = try await commit(fixture, of: "other", attempt: 3, step: 20)
        let report = try await prepare(fixture, inheriting: inherited)
        #expect(report.resume == inherited)
        #expect(report.message?.contains("goes on from step 20") == true)
        #expect(try fixture.text("resume/current/weights") == "other 20")
        // One before it is of no use, one after it is.
        _ = try await commit(fixture, of: "uid", attempt: 1, step: 10)
        #expect(try await prepare(fixture, inheriting: inherited, hasTrained: true).resume == inherited)
        _ = try await commit(fixture, of: "uid", attempt: 1, step: 30)
        #expect(try await prepare(fixture, inheriting: inherited, hasTrained: true).resume?.step == 30)
        #expect(try fixture.text("resume/current/weights") == "uid 30")
    }

    @Test(arguments: ["removed", "another", "damaged"])
    func `nothing begins anew where another's checkpoint is not what it was`(fate: String) async throws {
        let fixture = try await AgentFixture()
        let inherited = try await commit(fixture, of: "other", attempt: 1, step: 20)
        let folder = "other/checkpoints/attempt-0001/step-0000000020"
        switch fate {
        case "removed": try await fixture.storage.synchroniser.remove(try S3Location(inherited.storageUri))
        case "another":
            try fixture.storage.write("staging/other-20/weights", Data("changed".utf8))
            _ = try await fixture.storage.synchroniser.upload(
                fixture.storage.path("staging/other-20"), to: try S3Location(inherited.storageUri),
                UploadDescription(run: "other", attempt: 1, step: 20))
        default: try await fixture.put("broken!", "\(folder)/weights")
        }
        let error = await #expect(throws: AgentFailure.self) {
            try await prepare(fixture, inheriting: inherited)
        }
        #expect(error?.reason == "CheckpointLost")
        #expect(error?.message.contains("spec.continueFrom") == true)
        #expect(error?.exitCode == ExitCode.terminal)
    }

    @Test func `inputs that are known are not looked at, but what is new is`() async throws {
        let fixture = try await AgentFixture()
        var suite = EvaluationSuite(name: "facts", type: .tasks)
        suite.data = StoredInput(storageUri: "s3://\(fixture.storage.bucket)/facts.jsonl")
        let configuration = { (suites: [EvaluationSuite]?) in
            ValidateConfiguration(
                run: fixture.identity, storage: fixture.connection,
                model: StoredInput(storageUri: "s3://\(fixture.storage.bucket)/gone"),
                dataset: fixture.dataset("gone.jsonl"), suites: suites, skipsInputs: true)
        }
        let known = try await ValidateCommand(configuration: configuration(nil), context: fixture.context)
            .run()
        #expect(known.reason == StageReport.succeeded)
        #expect(known.dataset == nil)
        await #expect(throws: (any Error).self) {
            try await ValidateCommand(configuration: configuration([suite]), context: fixture.context).run()
        }
    }
}
