import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Whoever wants a training run to stop: it saves a checkpoint and gives its GPUs back. What follows differs.
    @Suite(.needs(.fixturePods), .cluster("stops"), .timeLimit(.minutes(6))) struct Stops {
        /// A run of many steps that has saved nothing but what it saves when it is told to stop.
        private func begin(_ name: String, steps: Int, _ team: Team) async throws {
            var run = FixtureRun(name, of: team, parameters: ["stepSeconds": "0.1"])
            run.steps = steps
            run.checkpointEvery = 1000
            run.gpus = 1
            run.gracePeriodSeconds = 15
            try await team.apply(run.manifest)
            _ = try await eventually("\(name) trains", within: .seconds(120)) {
                let status = try await team.trainingJob(name).status
                return status?.phase == .training && status?.progress?.step ?? 0 > 0 ? true : nil
            }
            let status = try #require(try await team.trainingJob(name).status)
            #expect(status.admission?.attempt == 1 && status.admission?.gpus == 1)
            #expect(status.checkpoint == nil)
        }

        /// The status of a run whose first attempt was stopped, once its pods are gone: with a checkpoint that
        /// is whole.
        private func stopped(_ name: String, _ team: Team) async throws -> TrainingJobStatus {
            _ = try await eventually("the training pod of \(name) is gone") {
                try await team.names(of: "pods").contains("pod/\(name)-train-1-0") ? nil : true
            }
            let status = try await eventually("the checkpoint of \(name)") {
                let status = try await team.trainingJob(name).status
                return status?.checkpoint != nil ? status : nil
            }
            let checkpoint = try #require(status.checkpoint)
            #expect(checkpoint.step > 0)
            let saved = try await team.servers.store.committed(at: checkpoint.storageUri)
            #expect(saved.problems == [] && saved.digest == checkpoint.manifestSha256)
            return status
        }

        /// The status, once the scheduler has noted that nothing holds GPUs any more.
        private func released(_ name: String, _ team: Team) async throws -> TrainingJobStatus {
            try await eventually("the GPUs of \(name) are free") {
                let status = try await team.trainingJob(name).status
                return status?.admission == nil ? status : nil
            }
        }

        /// Says of the run's admission what the scheduler would.
        private func revoke(_ reason: Revocation.Reason, _ name: String, _ team: Team) async throws {
            let wish: JSONValue = [
                "reason": .string(reason.rawValue), "message": "as the test asked",
                "revokedAt": .string(Timestamp(seconds: Int64(Date().timeIntervalSince1970)).description),
            ]
            try await patch(
                name, ["status": ["admission": ["revoked": wish]]], "--subresource=status", in: team)
        }

        private func patch(_ name: String, _ change: JSONValue, _ flags: String..., in team: Team)
            async throws
        {
            let arguments = ["patch", "trainingjob", name, "--type=merge", "-p", change.text] + flags
            let result = try await team.run(arguments)
            #expect(result.succeeded, "\(result.errors)")
        }

        /// A run that was stopped once ends as one that never was: no step lost, none done twice.
        private func complete(_ name: String, steps: Int, from step: Int64, _ team: Team) async throws {
            let job = try await team.finished(name)
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
            #expect(job.status?.trainingAttempts == 2)
            #expect(job.status?.countedFailures ?? 0 == 0, "the stop was counted as a failure")
            let output = try #require(job.status?.output)
            let model = try FixtureModel(try await team.servers.store.committed(at: output.storageUri))
            #expect(model.history.map(\.step) == Array(0..<Int64(steps)))
            #expect(model.history.first { $0.attempt == 2 }?.step == step, "it resumed elsewhere")
        }

        @Test func `a user's wish suspends a run`() async throws {
            let team = try await Team.make("stop-by-user")
            try await begin("paused", steps: 5000, team)
            try await patch("paused", ["spec": ["runPolicy": ["suspend": true]]], in: team)
            try await team.wait("paused", for: "condition=Suspended")
            let status = try await stopped("paused", team)
            #expect(status.phase == .suspended && status.reason == "Suspended")
            #expect(try await released("paused", team).phase == .suspended)
        }

        @Test func `a preempted run queues again and goes on from its checkpoint`() async throws {
            let team = try await Team.make("stop-by-scheduler")
            try await begin("preempted", steps: 80, team)
            try await revoke(.preempted, "preempted", team)
            let status = try await stopped("preempted", team)
            #expect(status.conditions?["Suspended"] == nil)
            let step = try #require(status.checkpoint?.step)
            try await complete("preempted", steps: 80, from: step, team)
            let end = try await released("preempted", team)
            #expect(end.conditions?["Preempted"]?.status == .false)
            for stage in [TrainingJobPhase.preparing, .queued, .training] {
                #expect(end.stages?.first { $0.name == stage }?.attempts == 2, "\(stage)")
            }
        }

        @Test func `a run whose budget is used up is suspended until its admission is taken away`()
            async throws
        {
            let team = try await Team.make("stop-by-budget")
            try await begin("broke", steps: 80, team)
            try await revoke(.budgetExhausted, "broke", team)
            try await team.wait("broke", for: "condition=Suspended")
            let status = try await stopped("broke", team)
            #expect(status.phase == .suspended && status.reason == "BudgetExhausted")
            #expect(status.message == "as the test asked")
            #expect(status.admission?.revoked?.reason == .budgetExhausted)
            let step = try #require(status.checkpoint?.step)
            try await patch("broke", ["status": ["admission": .null]], "--subresource=status", in: team)
            try await complete("broke", steps: 80, from: step, team)
        }

        @Test func `a run that its parent stops is pruned for good`() async throws {
            let team = try await Team.make("stop-by-parent")
            try await begin("loser", steps: 5000, team)
            let stop: JSONValue = ["reason": "Outperformed", "message": "others do better"]
            try await patch("loser", ["spec": ["runPolicy": ["stop": stop]]], in: team)
            try await team.wait("loser", for: "condition=Finished")
            let status = try await stopped("loser", team)
            #expect(status.phase == .pruned && status.reason == "Outperformed")
            #expect(status.message == "others do better")
            #expect(status.conditions?["Finished"]?.reason == "Pruned")
            #expect(try await released("loser", team).phase == .pruned)
            try await patch("loser", ["spec": ["runPolicy": ["stop": .null]]], in: team)
            try await team.apply(FixtureRun("next", of: team).manifest)
            #expect(try await team.finished("next").status?.phase == .completed)
            let later = try await team.trainingJob("loser").status
            #expect(later?.phase == .pruned && later?.trainingAttempts == 1)
        }
    }
}
