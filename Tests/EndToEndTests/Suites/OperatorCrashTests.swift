import AnnealAPI
import Foundation
import KubernetesAPI
import SeededRandomness
import Testing

extension EndToEnd {
    /// Deaths of the operator at any moment, and its silence at rest.
    @Suite(
        .needs(.fixturePods, .audit), .cluster("crashes"), .serialized, .timeLimit(.minutes(6))
    ) struct OperatorCrashes {
        private static let seed: UInt64 = 20_261_121

        @Test func `twenty kills at random moments lose no run, no checkpoint and make nothing twice`()
            async throws
        {
            let team = try await Team.make("crashes")
            let watches = try ["jobs", "pods", "evalruns", "leases"].map { try ChildWatch($0, team) }
            var random = SeededGenerator(seed: Self.seed)
            var names: [String] = []
            for kill in 0..<20 {
                if kill.isMultiple(of: 2) {
                    let name = "run-\(kill / 2)"
                    var run = FixtureRun(name, of: team, parameters: ["stepSeconds": "0.05"])
                    run.steps = 40
                    run.maxPerplexity = 10
                    try await team.apply(run.manifest)
                    names.append(name)
                }
                try await Task.sleep(for: .milliseconds(Int(200 + random.next() % 1500)))
                await team.cluster.killOperator()
                try team.cluster.startOperator()
            }
            for name in names { try await check(try await team.finished(name), team) }
            // Each run has four Jobs, the trainer, its Lease, the EvalRun and its evaluator.
            let expected = 8 * names.count
            var created = 0
            for watch in watches {
                await watch.stop()
                let seen = try watch.identifiersByName()
                #expect(seen.filter { $0.value.count > 1 }.isEmpty, "created twice")
                created += seen.count
            }
            let creations = try team.cluster.audit().filter {
                $0.userAgent.hasPrefix("anneal-operator") && $0.verb == "create" && $0.code == 201
                    && $0.namespace == team.namespace
                    && ["jobs", "pods", "evalruns", "leases"].contains($0.resource)
            }
            #expect(created == expected)
            // The server may have answered a request otherwise once its client had died.
            #expect(creations.count <= expected)
        }

        /// Checks that the operator's deaths did not affect a run.
        private func check(_ job: TrainingJob, _ team: Team) async throws {
            let status = try #require(job.status)
            #expect(status.phase == .completed, "\(job.name): \(status.message ?? "")")
            #expect(status.trainingAttempts == 1, "\(job.name) was trained again")
            #expect(status.checkpoint?.step == 40)
            let checkpoint = try #require(status.checkpoint)
            let saved = try await team.servers.store.committed(at: checkpoint.storageUri)
            #expect(saved.problems == [] && saved.digest == checkpoint.manifestSha256)
            let output = try #require(status.output)
            let model = try FixtureModel(try await team.servers.store.committed(at: output.storageUri))
            #expect(model.history.map(\.step) == Array(0..<40))
        }

        @Test func `at rest nothing is written but lease renewals`() async throws {
            let team = try await Team.make("rest")
            try await team.apply(FixtureRun("done", of: team).manifest)
            var paused = FixtureRun("paused", of: team)
            paused.runPolicy = ["suspend": true]
            try await team.apply(paused.manifest)
            let job = try await team.finished("done")
            #expect(job.status?.phase == .completed)
            try await team.wait("paused", for: "condition=Suspended")
            let settled = try await settledAudit(team.cluster)
            try await Task.sleep(for: .seconds(20))
            let writes = try team.cluster.audit().dropFirst(settled).filter {
                $0.isOfAnneal && $0.isWrite && $0.resource != "leases"
            }
            #expect(writes.isEmpty)
            #expect(team.cluster.operatorIsRunning)
        }

        /// The length of the audit log, once no write has followed the last removals for some seconds.
        private func settledAudit(_ cluster: Cluster) async throws -> Int {
            var quiet = 0
            var writes = -1
            return try await eventually("the cluster settles", every: .seconds(1)) {
                let audit = try cluster.audit()
                let now = audit.count { $0.isOfAnneal && $0.isWrite && $0.resource != "leases" }
                quiet = now == writes ? quiet + 1 : 0
                writes = now
                return quiet >= 3 ? audit.count : nil
            }
        }
    }
}

/// All objects of a kind that the operator made in a namespace, from a watch.
private struct ChildWatch {
    private let program: BackgroundProgram

    init(_ kind: String, _ team: Team) throws {
        // The Job controller makes the pods of Jobs.
        let selector = kind == "pods" ? "anneal.dev/stage in (train,evaluate)" : "anneal.dev/run"
        program = try BackgroundProgram(
            team.cluster.kubectl,
            [
                "-n", team.namespace, "get", kind, "-l", selector, "--watch", "--no-headers", "-o",
                "custom-columns=NAME:.metadata.name,UID:.metadata.uid",
            ], log: team.servers.logs.appendingPathComponent("watch-\(kind).log"))
    }

    func stop() async { await program.stop() }

    func identifiersByName() throws -> [String: Set<String>] {
        var seen: [String: Set<String>] = [:]
        for line in try String(contentsOf: program.log, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 2 else { continue }
            seen[words[0], default: []].insert(words[1])
        }
        return seen
    }
}
