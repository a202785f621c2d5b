import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Interruptions of a run from outside: it goes on from the newest verified checkpoint, and ends with the
    /// same weights as without them.
    @Suite(.needs(.fixturePods), .cluster("interruptions"), .timeLimit(.minutes(6))) struct Interruptions {
        /// A run of four seconds of training, with a checkpoint each second.
        private func longRun(_ name: String, _ team: Team) -> FixtureRun {
            var run = FixtureRun(name, of: team, parameters: ["stepSeconds": "0.1"])
            run.steps = 60
            return run
        }

        private func model(_ team: Team, _ job: TrainingJob) async throws -> FixtureModel {
            let output = try #require(job.status?.output, "\(job.status?.message ?? "it has no status")")
            let folder = try await team.servers.store.committed(at: output.storageUri)
            #expect(folder.problems == [])
            return try FixtureModel(folder)
        }

        @Test func `a training pod that is deleted, gently or by force, costs nothing but time`() async throws
        {
            let team = try await Team.make("preemption")
            for name in ["whole", "gentle", "forced"] { try await team.apply(longRun(name, team).manifest) }
            for (name, options) in [("gentle", [String]()), ("forced", ["--grace-period=0", "--force"])] {
                try await team.wait(name, for: "condition=CheckpointVerified")
                let result = try await team.run(
                    ["delete", "pod", "\(name)-train-1-0", "--wait=false"] + options)
                #expect(result.succeeded, "\(result.errors)")
            }
            let whole = try await model(team, try await team.finished("whole"))
            #expect(whole.history.map(\.step) == Array(0..<60))
            for name in ["gentle", "forced"] {
                let job = try await team.finished(name)
                #expect(job.status?.phase == .completed)
                #expect(job.status?.trainingAttempts == 2)
                #expect((job.status?.countedFailures ?? 0) == 0, "an interruption was counted as a failure")
                let model = try await model(team, job)
                #expect(model.weights == whole.weights)
                #expect(model.history.map(\.step) == Array(0..<60), "steps were lost or trained twice")
                let resumed = try #require(model.history.first { $0.attempt == 2 })
                #expect(resumed.step >= 10, "it began again instead of resuming")
            }
        }

        @Test func `a gang that loses one pod is replaced as a whole`() async throws {
            let team = try await Team.make("gang")
            var run = longRun("gang", team)
            run.nodes = 2
            try await team.apply(run.manifest)
            try await team.wait("gang", for: "condition=CheckpointVerified")
            try await team.kubectl("delete", "pod", "gang-train-1-1", "--wait=false")
            let job = try await team.finished("gang")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
            #expect(job.status?.trainingAttempts == 2)
            let model = try await model(team, job)
            #expect(model.history.map(\.step) == Array(0..<60))
            #expect(Set(model.history.map(\.attempt)) == [1, 2])
        }

        @Test func `a suspended run gives its pods back and goes on where it was`() async throws {
            let team = try await Team.make("suspension")
            try await team.apply(longRun("paused", team).manifest)
            try await team.wait("paused", for: "condition=CheckpointVerified")
            try await suspend(true, team)
            try await team.wait("paused", for: "condition=Suspended")
            _ = try await eventually("the training pod is gone") {
                try await team.names(of: "pods").contains("pod/paused-train-1-0") ? nil : true
            }
            #expect(try await team.trainingJob("paused").status?.phase == .suspended)
            try await suspend(false, team)
            let job = try await team.finished("paused")
            #expect(job.status?.phase == .completed)
            let model = try await model(team, job)
            #expect(model.history.map(\.step) == Array(0..<60))
            let resumed = try #require(model.history.first { $0.attempt == 2 })
            #expect(resumed.step >= 10)
        }

        private func suspend(_ flag: Bool, _ team: Team) async throws {
            try await team.kubectl(
                "patch", "trainingjob", "paused", "--type=merge", "-p",
                #"{"spec":{"runPolicy":{"suspend":\#(flag)}}}"#)
        }

        @Test(arguments: ["Validating", "Preparing", "Training", "Evaluating"])
        func `a run that is deleted leaves nothing behind`(_ stage: String) async throws {
            let team = try await Team.make("deleted-in-\(stage.lowercased())")
            var run = FixtureRun(
                "doomed", of: team, parameters: ["stepSeconds": stage == "Training" ? "1" : "0.02"])
            run.maxPerplexity = 10
            try await team.apply(run.manifest)
            let entered = "jsonpath={.status.stages[?(@.name==\"\(stage)\")].name}=\(stage)"
            try await team.wait("doomed", for: entered)
            try await team.kubectl("delete", "trainingjob/doomed", "--timeout=60s")
            let left = "jobs,pods,persistentvolumeclaims,leases,services,evalruns"
            _ = try await eventually("nothing is left", within: .seconds(60)) {
                try await team.names(of: left).isEmpty ? true : nil
            }
        }
    }
}
