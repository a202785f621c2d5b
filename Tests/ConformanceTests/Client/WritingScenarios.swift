import AnnealAPI
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Testing

extension Scenario {
    static let writing = [
        Scenario("errors are told apart") { cluster in
            let created = try await cluster.create("run")
            #expect(created.metadata.uid?.isEmpty == false)
            #expect(try await refusal { try await cluster.create("run") }.isAlreadyExists)
            let missing = try await refusal {
                _ = try await cluster.client.get(EvalRun.self, cluster.key("none"))
            }
            #expect(missing.isNotFound)
            try await cluster.label("run", ["team": "red"])
            let stale = try await refusal { try await cluster.client.update(created) }
            #expect(stale.isConflict && !stale.isAlreadyExists && !stale.isRetryable)
            let precondition = try await refusal {
                try await cluster.client.delete(
                    EvalRun.self, cluster.key("run"), options: DeleteOptions(uid: "another"))
            }
            #expect(precondition.isConflict)
            var wrong = cluster.run("wrong")
            wrong.spec.suites = []
            #expect(try await refusal { try await cluster.client.create(wrong) }.isInvalid)
            try await cluster.client.delete(
                EvalRun.self, cluster.key("run"), options: DeleteOptions(uid: created.metadata.uid))
            let gone = try await refusal {
                try await cluster.client.delete(EvalRun.self, cluster.key("run"))
            }
            #expect(gone.isNotFound)
        },
        Scenario("all pages of a list are one list") { cluster in
            for number in 1...11 { try await cluster.create("run-\(number)") }
            let all = try await cluster.client.listAll(
                EvalRun.self, namespace: cluster.namespace, pageSize: 3)
            #expect(Set(all.items.map(\.name)) == Set((1...11).map { "run-\($0)" }))
            #expect(all.items.count == 11)
        },
        Scenario("of many writers that each read first, none is lost") { cluster in
            try await count(cluster, cluster.client)
        },
        Scenario("nor is one where all share a connection") { cluster in
            let transport = HTTPTransport()
            defer { transport.shutdown() }
            try await count(cluster, cluster.backEnd.client(over: transport))
        },
    ]

    private static func count(_ cluster: TestCluster, _ client: KubernetesClient) async throws {
        try await cluster.create("counter", labels: ["count": "0"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...6 {
                group.addTask {
                    for _ in 1...5 { try await increment(cluster, client) }
                }
            }
            try await group.waitForAll()
        }
        let counter = try await client.get(EvalRun.self, cluster.key("counter"))
        #expect(counter.metadata.labels?["count"] == "30")
    }

    /// Adds one to the label `count`, and repeats it while other writers are faster.
    private static func increment(_ cluster: TestCluster, _ client: KubernetesClient) async throws {
        while true {
            let run = try await client.get(EvalRun.self, cluster.key("counter"))
            let count = run.metadata.labels?["count"].flatMap { Int($0) } ?? 0
            let patch: JSONValue = [
                "metadata": [
                    "resourceVersion": .string(run.metadata.resourceVersion ?? ""),
                    "labels": ["count": .string("\(count + 1)")],
                ]
            ]
            do throws(KubernetesError) {
                try await client.patch(EvalRun.self, run.key, .merge(patch))
                return
            } catch {
                guard error.isConflict else { throw error }
            }
        }
    }
}
