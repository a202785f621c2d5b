import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Ends that runs come to by themselves, good and bad.
    @Suite(.needs(.fixturePods), .cluster("outcomes"), .timeLimit(.minutes(6))) struct Outcomes {
        private func finish(_ run: FixtureRun, _ team: Team, within seconds: Int = 150) async throws
            -> TrainingJobStatus
        {
            try await team.apply(run.manifest)
            return try #require(try await team.finished(run.name, within: seconds).status)
        }

        @Test func `a model that misses its threshold ends the run with its metrics and is not registered`()
            async throws
        {
            let team = try await Team.make("gate")
            try await team.servers.registryReady()
            var run = FixtureRun("too-weak", of: team)
            run.suiteParameters = ["perplexity": "7.25"]
            run.maxPerplexity = 3
            run.registration = ["modelName": "never", "trackingUri": .string(team.servers.registry.address)]
            let status = try await finish(run, team)
            #expect(status.phase == .evalFailed)
            let result = try #require(status.evaluation?.results?.first)
            #expect(result.value == 7.25 && result.max == 3 && !result.passed)
            #expect(status.message?.contains("7.25") == true)
            #expect(status.conditions?["Finished"]?.reason == "EvalFailed")
            #expect(status.conditions?["GatePassed"]?.status == .false)
            #expect(status.registeredModel == nil)
            #expect(try await team.servers.registry.versions(of: "never") == [])
        }

        @Test func `a metric that is missing fails the thresholds`() async throws {
            let team = try await Team.make("missing-metric")
            var run = FixtureRun("silent", of: team)
            run.suiteParameters = ["missing": "true"]
            run.maxPerplexity = 1000
            let status = try await finish(run, team)
            #expect(status.phase == .evalFailed)
            let result = try #require(status.evaluation?.results?.first)
            #expect(result.value == nil && !result.passed)
        }

        @Test func `the numbers of the evaluation are those of the model that was trained`() async throws {
            let team = try await Team.make("passed")
            var run = FixtureRun("good", of: team)
            run.maxPerplexity = 10
            let status = try await finish(run, team)
            try #require(status.phase == .completed, "\(status.message ?? "")")
            let output = try #require(status.output)
            let folder = try await team.servers.store.committed(at: output.storageUri)
            #expect(folder.digest == output.manifestSha256)
            let model = try FixtureModel(folder)
            let fingerprint = try #require(Int64(model.weights.prefix(8), radix: 16))
            #expect(status.evaluation?.metrics?["quality/fingerprint"] == Double(fingerprint))
            #expect(status.progress?.step == 20)
        }

        @Test func `a transform of the user's decides what training sees`() async throws {
            let team = try await Team.make("transform")
            var run = FixtureRun("shortened", of: team)
            let program = """
                path = "/workspace/data/train.jsonl"
                lines = open(path).readlines()
                open(path, "w").writelines(lines[:10])
                """
            run.transform = ["/usr/bin/python3", "-c", program]
            let status = try await finish(run, team)
            #expect(status.phase == .completed, "\(status.message ?? "")")
            #expect(status.dataset?.records == 200)
            #expect(status.dataset?.trainRecords == 10)
        }

        @Test func `as many checkpoints stay as the policy says`() async throws {
            let team = try await Team.make("retention")
            var run = FixtureRun("thrifty", of: team, parameters: ["stepSeconds": "0.1"])
            run.steps = 50
            (run.keepLast, run.keepBest) = (2, 0)
            let status = try await finish(run, team)
            #expect(status.phase == .completed)
            let checkpoint = try #require(status.checkpoint)
            let folder = try #require(checkpoint.storageUri.components(separatedBy: "/attempt-").first)
            let keys = try await team.servers.store.keys(below: folder + "/")
            let manifests = keys.filter { $0.hasSuffix("/anneal-manifest.json") }
            #expect(manifests.count == 2)
            let newest = manifests.contains {
                checkpoint.storageUri.hasSuffix($0.dropLast("/anneal-manifest.json".count))
            }
            #expect(newest, "\(manifests)")
        }

        @Test func `an evaluation by itself judges each suite, and goes when its time is over`() async throws
        {
            let team = try await Team.make("evaluation")
            func suite(_ name: String, _ perplexity: String) -> JSONValue {
                [
                    "name": .string(name), "type": "custom",
                    "parameters": ["perplexity": .string(perplexity)],
                ]
            }
            try await team.apply([
                "apiVersion": "anneal.dev/v1alpha1", "kind": "EvalRun", "metadata": ["name": "verdict"],
                "spec": [
                    "model": ["storageUri": .string(FixtureInputs.model)],
                    "evaluator": [
                        "image": "fixture/evaluator:1",
                        "resources": ["gpus": 0, "cpu": "50m", "memory": "128Mi"],
                    ],
                    "suites": [suite("good", "2.5"), suite("bad", "9.5")],
                    "thresholds": [
                        ["metric": "good/perplexity", "max": 5], ["metric": "bad/perplexity", "max": 5],
                    ],
                    "storage": [
                        "endpoint": .string(team.servers.store.endpoint), "pathStyle": true,
                        "credentialsSecretName": "s3-credentials",
                    ],
                    "runPolicy": ["ttlSecondsAfterFinished": 15],
                ],
            ])
            try await team.kubectl("wait", "evalrun/verdict", "--for=condition=Finished", "--timeout=120s")
            let run: EvalRun = try await team.object("evalrun/verdict").decoded()
            let status = try #require(run.status)
            #expect(status.phase == .failed)
            #expect(status.gate == "1/2")
            #expect(status.results?.first { $0.metric == "bad/perplexity" }?.value == 9.5)
            #expect(status.results?.first { $0.metric == "good/perplexity" }?.passed == true)
            try await team.kubectl("wait", "evalrun/verdict", "--for=delete", "--timeout=60s")
        }

        @Test func `out of memory fails at once with a suggestion`() async throws {
            let team = try await Team.make("memory")
            let status = try await finish(
                FixtureRun("hungry", of: team, parameters: ["eatMemoryAtStep": "5"]), team)
            #expect(status.phase == .failed && status.reason == "OOMKilled")
            #expect(status.message?.contains("raise trainer.resourcesPerNode.memory (now 128Mi)") == true)
            #expect(status.trainingAttempts == 1)
        }

        @Test func `a value that can't be used fails at once`() async throws {
            let team = try await Team.make("configuration")
            let parameters = ["failAtStep": "3", "failCode": "2", "failReason": "InvalidConfiguration"]
            let status = try await finish(FixtureRun("mistaken", of: team, parameters: parameters), team)
            #expect(status.phase == .failed && status.reason == "InvalidConfiguration")
            #expect(status.message?.contains("as the test asked") == true)
            #expect(status.trainingAttempts == 1)
        }

        @Test func `a trainer that fails again and again uses up its attempts, each later than the last`()
            async throws
        {
            let team = try await Team.make("backoff")
            var run = FixtureRun(
                "diverging", of: team, parameters: ["failAtStep": "3", "failCode": "3", "failAttempts": "9"])
            run.runPolicy = ["backoffLimit": 2]
            let status = try await finish(run, team)
            #expect(status.phase == .failed && status.reason == "ExitCode3")
            #expect(status.trainingAttempts == 3 && status.countedFailures == 3)
            #expect(status.message?.contains("runPolicy.backoffLimit is 2") == true)
        }

        @Test func `a trainer that fails once goes on from its checkpoint`() async throws {
            let team = try await Team.make("retry")
            let status = try await finish(
                FixtureRun("shaky", of: team, parameters: ["failAtStep": "15", "stepSeconds": "0.2"]), team)
            #expect(status.phase == .completed)
            #expect(status.trainingAttempts == 2 && status.countedFailures == 1)
            let output = try #require(status.output)
            let model = try FixtureModel(try await team.servers.store.committed(at: output.storageUri))
            #expect(model.history.map(\.step) == Array(0..<20))
            #expect(model.history.first { $0.attempt == 2 }?.step == 10)
        }

        @Test func `a trainer that falls silent is replaced`() async throws {
            let team = try await Team.make("heartbeat")
            var run = FixtureRun("stuck", of: team, parameters: ["hangAtStep": "12", "stepSeconds": "0.1"])
            run.runPolicy = ["heartbeatTimeoutSeconds": 10]
            run.gracePeriodSeconds = 5
            let status = try await finish(run, team)
            #expect(status.phase == .completed)
            #expect(status.trainingAttempts == 2 && status.countedFailures == 1)
            let record = try #require(status.stages?.first { $0.name == .training })
            #expect(record.lastFailure?.contains("HeartbeatLost") == true)
        }

        @Test func `the later of two live runs with one idempotency key ends at once and names the first`()
            async throws
        {
            let team = try await Team.make("idempotency")
            var first = FixtureRun("first", of: team, parameters: ["stepSeconds": "0.5"])
            first.idempotencyKey = "nightly"
            try await team.apply(first.manifest)
            try await team.wait("first", for: "jsonpath={.status.phase}=Validating")
            var second = FixtureRun("second", of: team)
            second.idempotencyKey = "nightly"
            let status = try await finish(second, team, within: 30)
            #expect(status.phase != .completed && status.phase.isTerminal)
            #expect(status.message?.contains("first") == true)
            #expect(try await team.trainingJob("first").status?.phase.isTerminal == false)
        }

        @Test func `a finished run goes when its time to live is over`() async throws {
            let team = try await Team.make("ttl")
            var run = FixtureRun("brief", of: team)
            run.runPolicy = ["ttlSecondsAfterFinished": 5]
            try await team.apply(run.manifest)
            try await team.wait("brief", for: "jsonpath={.status.phase}=Completed")
            try await team.kubectl("wait", "trainingjob/brief", "--for=delete", "--timeout=60s")
            let left = "jobs,pods,persistentvolumeclaims,leases"
            _ = try await eventually("nothing is left") {
                try await team.names(of: left).isEmpty ? true : nil
            }
        }
    }
}
