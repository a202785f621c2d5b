import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Two operators, one of which leads, with a cluster's default timings.
    @Suite(
        .needs(.fixturePods, .audit), .cluster("leadership", withOperator: false), .serialized,
        .timeLimit(.minutes(5)))
    struct LeaderElection {
        /// Runs that are under way when the leader changes.
        private func startRuns(_ count: Int, of team: Team) async throws -> [String] {
            let names = (0..<count).map { "run-\($0)" }
            for name in names {
                var run = FixtureRun(name, of: team, parameters: ["stepSeconds": "0.05"])
                run.steps = 40
                try await team.apply(run.manifest)
            }
            _ = try await eventually("the runs are under way", every: .milliseconds(100)) {
                let phases = try await team.kubectl("get", "tj", "-o", "jsonpath={.items[*].status.phase}")
                return phases.split(separator: " ").count == count ? true : nil
            }
            return names
        }

        private func complete(_ names: [String], of team: Team) async throws {
            for name in names {
                let job = try await team.finished(name)
                #expect(job.status?.phase == .completed, "\(name): \(job.status?.message ?? "")")
                #expect(job.status?.trainingAttempts == 1, "\(name) was trained again")
            }
        }

        @Test func `a leader that is asked to end hands over within 2 seconds`() async throws {
            let team = try await Team.make("handover")
            try await OperatorPair.with("term") { pair in
                let names = try await startRuns(2, of: team)
                let start = Date()
                pair.leader.signal(SIGTERM)
                let seconds = try await pair.handover(since: start, within: .seconds(20), in: team.cluster)
                #expect(seconds > 0 && seconds <= 2, "\(seconds) s")
                _ = try await eventually("it ends", within: .seconds(5)) {
                    pair.leader.isRunning ? nil : true
                }
                try await complete(names, of: team)
            }
        }

        @Test func `a leader that is killed is replaced within 17 seconds; the webhook does not notice`()
            async throws
        {
            let team = try await Team.make("killed")
            try await OperatorPair.with("kill", hasWebhook: true) { pair in
                let names = try await startRuns(2, of: team)
                for replica in [pair.leader, pair.standby] {
                    _ = try await eventually("the webhook of \(replica.name)") {
                        try await replica.admits() ? true : nil
                    }
                }
                let start = Date()
                await pair.leader.kill()
                #expect(try await pair.standby.admits())
                let seconds = try await pair.handover(since: start, within: .seconds(30), in: team.cluster)
                #expect(seconds > 10 && seconds <= 17, "\(seconds) s")
                try await complete(names, of: team)
            }
        }

        @Test func `a leader that was stopped past its lease writes nothing when it goes on`() async throws {
            let team = try await Team.make("stopped")
            try await OperatorPair.with("stop") { pair in
                let names = try await startRuns(4, of: team)
                pair.leader.signal(SIGSTOP)
                _ = try await pair.handover(since: Date(), within: .seconds(30), in: team.cluster)
                let before = try team.cluster.audit().count
                pair.leader.signal(SIGCONT)
                _ = try await eventually("it notices") {
                    try String(contentsOf: pair.leader.log, encoding: .utf8).contains("the lease is lost")
                        ? true : nil
                }
                try await complete(names, of: team)
                // The standby reads, watches, and follows the leader.
                let later = try team.cluster.audit().dropFirst(before).filter(pair.leader.sent)
                #expect(!later.isEmpty)
                #expect(later.filter(\.isWrite).isEmpty)
                #expect(pair.leader.isRunning)
                let writes = try team.cluster.audit().dropFirst(before).filter {
                    pair.standby.sent($0) && $0.isWrite
                }
                #expect(writes.count > 4, "the other one has done the work")
            }
        }

        @Test func `a standby keeps its caches and writes nothing, and both say how they are`() async throws {
            let team = try await Team.make("telemetry")
            try await OperatorPair.with("scrape") { pair in
                let names = try await startRuns(1, of: team)
                try await complete(names, of: team)
                for replica in [pair.leader, pair.standby] {
                    #expect(try await replica.get("/healthz", port: replica.healthPort) == "ok")
                    let ready = try await replica.get("/readyz?verbose", port: replica.healthPort)
                    #expect(ready.contains("[+]caches ok") && ready.hasSuffix("readyz check passed\n"))
                }
                // The standby may have tried to get the lease while there was none.
                let writes = try team.cluster.audit().filter {
                    pair.standby.sent($0) && $0.isWrite && $0.resource != "leases"
                }
                #expect(writes.isEmpty)
                try await checkMetrics(of: pair, names)
                try checkLogs(of: pair.leader, of: team)
            }
        }

        private func checkMetrics(of pair: OperatorPair, _ names: [String]) async throws {
            let standby = try await pair.standby.get("/metrics", port: pair.standby.metricsPort)
            #expect(standby.contains("\nanneal_leader 0\n"))
            #expect(standby.contains(#"anneal_runs{kind="TrainingJob",phase="Completed"}"#))
            let text = try await pair.leader.get("/metrics", port: pair.leader.metricsPort)
            let expected = [
                "\nanneal_leader 1\n", #"anneal_workqueue_depth{controller="trainingjob"}"#,
                #"anneal_workqueue_adds_total{controller="trainingjob"}"#,
                #"anneal_reconcile_duration_seconds_bucket{controller="trainingjob",le="0.1"}"#,
                #"anneal_reconciliations_total{controller="trainingjob",outcome="success"}"#,
                #"anneal_api_requests_total{code="200",resource="trainingjobs/status",verb="patch"}"#,
                #"anneal_api_requests_total{code="201",resource="jobs",verb="create"}"#,
                #"anneal_runs{kind="TrainingJob",phase="Completed"}"#,
                #"anneal_stage_duration_seconds_count{kind="TrainingJob",stage="Training"} 1"#,
                "\nanneal_newest_checkpoint_age_seconds 0\n",
                "\nprocess_resident_memory_bytes ",
            ]
            for line in expected { #expect(text.contains(line), "\(line)") }
            for name in names + ["telemetry"] {
                #expect(!text.contains("\"\(name)\""), "a label names an object")
            }
        }

        @Test(.enabled("there is no promtool: run hack/setup tests") { try Promtool.found() != nil })
        func `promtool finds no fault with the metrics of an operator at work`() async throws {
            let team = try await Team.make("promtool")
            let promtool = try #require(try Promtool.found())
            try await OperatorPair.with("promtool") { pair in
                let names = try await startRuns(1, of: team)
                for replica in [pair.leader, pair.standby] {
                    let text = try await replica.get("/metrics", port: replica.metricsPort)
                    let result = try await promtool.run(["check", "metrics"], input: Data(text.utf8))
                    #expect(result.succeeded && result.errors + result.text == "", "\(result)")
                }
                try await complete(names, of: team)
            }
        }

        /// Checks that each line is an object, and that lines about a run name it, its stage and its attempt.
        private func checkLogs(of replica: Replica, of team: Team) throws {
            let lines = try String(contentsOf: replica.log, encoding: .utf8).split(separator: "\n").map {
                try JSONValue(parsing: Array($0.utf8))
            }
            let training = lines.first { $0["message"] == "Queued → Training" }
            #expect(training?["namespace"] == .string(team.namespace) && training?["name"] == "run-0")
            #expect(training?["kind"] == "TrainingJob" && training?["stage"] == "Training")
            #expect(training?["attempt"] == 1 && training?["run"]?.stringValue?.count == 36)
            #expect(lines.allSatisfy { $0["time"] != nil && $0["level"] != nil && $0["message"] != nil })
        }
    }
}

/// Prometheus' own check of metrics.
private enum Promtool {
    static func found() throws -> Program? { try? Installation().tool("bin/promtool") }
}
