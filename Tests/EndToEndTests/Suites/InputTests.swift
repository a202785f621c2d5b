import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Mistakes and failures that show only in a run.
    @Suite(.needs(.fixturePods), .cluster("inputs"), .timeLimit(.minutes(6))) struct Inputs {
        @Test func `a corrupt record is named by its number`() async throws {
            let team = try await Team.make("corrupt")
            var run = FixtureRun("corrupt", of: team)
            run.dataset = FixtureInputs.corruptDataset
            let status = try await failed(run, team)
            #expect(status.reason == "InvalidRecord")
            #expect(status.message?.contains("record 4,711 of s3://datasets/corrupt.jsonl") == true)
        }

        @Test func `a dataset with another digest than declared is refused`() async throws {
            let team = try await Team.make("checksum")
            var run = FixtureRun("changed", of: team)
            run.datasetSha256 = String(repeating: "0", count: 64)
            let status = try await failed(run, team)
            #expect(status.reason == "ChecksumMismatch")
            #expect(status.message?.contains("dataset.sha256") == true)
        }

        @Test func `a missing dataset is named`() async throws {
            let team = try await Team.make("missing")
            var run = FixtureRun("missing", of: team)
            run.dataset = "s3://datasets/no-such-file.jsonl"
            let status = try await failed(run, team)
            #expect(status.reason == "DatasetNotFound")
            #expect(status.message?.contains("no-such-file.jsonl") == true)
        }

        @Test func `refused credentials end the run with a message about them`()
            async throws
        {
            let team = try await Team.make("denied")
            let proxy = try await StorageProxy(team.servers, .denied)
            var run = FixtureRun("denied", of: team)
            run.storageEndpoint = proxy.endpoint
            let status = try await failed(run, team)
            #expect(["AccessDenied", "InvalidCredentials"].contains(status.reason))
            #expect(status.message?.contains("credential") == true)
            await proxy.stop()
        }

        @Test func `a store that is down is waited for, before training and in the middle of it`()
            async throws
        {
            let team = try await Team.make("outage")
            let proxy = try await StorageProxy(team.servers, .closed)
            var run = FixtureRun("patient", of: team, parameters: ["stepSeconds": "0.1"])
            run.steps = 40
            run.storageEndpoint = proxy.endpoint
            try await team.apply(run.manifest)
            try await team.wait("patient", for: "jsonpath={.status.phase}=Validating")
            try await Task.sleep(for: .seconds(5))
            #expect(try await team.trainingJob("patient").status?.phase == .validating)
            try proxy.set(.open)
            try await team.wait("patient", for: "condition=CheckpointVerified")
            try proxy.set(.closed)
            try await Task.sleep(for: .seconds(6))
            try proxy.set(.open)
            let job = try await team.finished("patient")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
            let output = try #require(job.status?.output)
            #expect(try await team.servers.store.committed(at: output.storageUri).problems == [])
            #expect(try await trainedSteps(job.status, team) == Array(0..<40))
            await proxy.stop()
        }

        @Test
        func `a model that the store refuses from the end of training on is kept, and goes there later`()
            async throws
        {
            let team = try await Team.make("refused")
            let proxy = try await StorageProxy(team.servers, .open)
            var run = FixtureRun("kept", of: team, parameters: ["stepSeconds": "0.1"])
            run.steps = 40
            run.storageEndpoint = proxy.endpoint
            try await team.apply(run.manifest)
            try await team.wait("kept", for: "condition=CheckpointVerified")
            try proxy.set(.denied)
            try await team.wait("kept", for: "jsonpath={.status.reason}=InvalidCredentials")
            let waiting = try #require(try await team.trainingJob("kept").status)
            #expect(waiting.phase == .uploading)
            #expect(waiting.holdsOnlyCopy == true)
            #expect(waiting.message?.contains("credential") == true)
            #expect(try await team.kubectl("get", "pvc", "-o", "name").contains("kept-workspace"))
            try proxy.set(.open)
            let job = try await team.finished("kept")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
            #expect(try await trainedSteps(job.status, team) == Array(0..<40))
            await proxy.stop()
        }

        @Test
        func `a run whose model is on its volume alone is continued, and the next ones train and judge on`()
            async throws
        {
            let team = try await Team.make("continued")
            let proxy = try await StorageProxy(team.servers, .open)
            var run = FixtureRun("first", of: team, parameters: ["stepSeconds": "0.1"])
            run.steps = 40
            run.storageEndpoint = proxy.endpoint
            run.runPolicy = ["completionDeadlineSeconds": 10]
            try await team.apply(run.manifest)
            try await team.wait("first", for: "condition=CheckpointVerified")
            try proxy.set(.denied)
            let first = try #require(try await team.finished("first").status)
            #expect(first.reason == "CompletionDeadlineExceeded")
            #expect(first.conditions?.isTrue("WorkspaceKept") == true)
            try proxy.set(.open)

            run.runPolicy = [:]
            let second = try await continued(run, "second", from: "first", team)
            #expect(!stages(second).contains(.training) && !stages(second).contains(.preparing))
            let output = try #require(second.output)
            #expect(try await trainedSteps(second, team) == Array(0..<40))
            _ = try await eventually("the volume's end") {
                try await team.kubectl("get", "pvc", "-o", "name").isEmpty ? true : nil
            }
            let passedOn = try await team.trainingJob("first").status
            #expect(passedOn?.conditions?["WorkspaceKept"]?.reason == "VolumeGone")

            run.maxPerplexity = 100
            let third = try await continued(run, "third", from: "second", team)
            #expect(stages(third) == [.validating, .evaluating])
            #expect(third.output == output)

            run.steps = 60
            let fourth = try await continued(run, "fourth", from: "third", team)
            #expect(fourth.continuedFrom?.checkpoint == first.checkpoint)
            #expect(try await trainedSteps(fourth, team) == Array(0..<60))

            run.parameters["own"] = "1"
            var refused = run.manifest
            refused[path: ["metadata", "name"]] = "fifth"
            refused[path: ["spec", "continueFrom"]] = ["trainingJob": "fourth"]
            try await team.apply(refused)
            let fifth = try #require(try await team.finished("fifth").status)
            #expect(fifth.reason == "ContinuedInputsDiffer")
            #expect(fifth.message?.contains("spec.hyperparameters.parameters") == true)
            await proxy.stop()
        }

        private func continued(
            _ run: FixtureRun, _ name: String, from source: String, _ team: Team
        ) async throws -> TrainingJobStatus {
            var manifest = run.manifest
            manifest[path: ["metadata", "name"]] = .string(name)
            manifest[path: ["spec", "continueFrom"]] = ["trainingJob": .string(source)]
            try await team.apply(manifest)
            let status = try #require(try await team.finished(name).status)
            #expect(status.phase == .completed, "\(status.reason ?? ""): \(status.message ?? "")")
            return status
        }

        /// The training steps that a run's model in S3 has seen, in order.
        private func trainedSteps(_ status: TrainingJobStatus?, _ team: Team) async throws -> [Int64] {
            let output = try #require(status?.output)
            let model = try FixtureModel(try await team.servers.store.committed(at: output.storageUri))
            return model.history.map(\.step)
        }

        private func stages(_ status: TrainingJobStatus) -> [TrainingJobPhase] {
            (status.stages ?? []).map(\.name)
        }

        @Test func `a gang whose name begins with a digit and has dots trains`() async throws {
            let team = try await Team.make("names")
            var run = FixtureRun("70b.sft", of: team)
            run.nodes = 2
            try await team.apply(run.manifest)
            let job = try await team.finished("70b.sft")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
        }

        private func failed(_ run: FixtureRun, _ team: Team) async throws -> TrainingJobStatus {
            try await team.apply(run.manifest)
            let status = try #require(try await team.finished(run.name).status)
            #expect(status.phase == .failed)
            #expect(status.conditions?["Finished"]?.status == .true)
            return status
        }
    }
}
