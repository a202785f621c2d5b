import AnnealAPI
import KubernetesAPI
import KubernetesClient
import Testing

extension Scenario {
    static let applying = [
        Scenario("applying what is there already writes nothing") { cluster in
            let run = cluster.run("run", labels: ["team": "red"])
            let first = try await cluster.client.apply(run, fieldManager: "anneal")
            let second = try await cluster.client.apply(run, fieldManager: "anneal")
            #expect(second.metadata.resourceVersion == first.metadata.resourceVersion)
            // An object that was read, with all that the server has set, can be applied again.
            let third = try await cluster.client.apply(second, fieldManager: "anneal")
            #expect(third.metadata.generation == first.metadata.generation)
            #expect(third.spec == first.spec)
        },
        Scenario("an apply conflicts with another manager's value unless it is forced") { cluster in
            try await cluster.client.apply(
                cluster.run("run", labels: ["team": "red"]), fieldManager: "red")
            let other = cluster.run("run", labels: ["team": "blue"])
            let refused = try await refusal {
                try await cluster.client.apply(other, fieldManager: "blue", force: false)
            }
            #expect(refused.isConflict)
            #expect(refused.status?.details?.causes?.map(\.field) == [".metadata.labels.team"])
            let forced = try await cluster.client.apply(other, fieldManager: "blue")
            #expect(forced.metadata.labels == ["team": "blue"])
        },
        Scenario("a status is written on the observed version, and leaves the spec alone") { cluster in
            let run = try await cluster.create("run")
            let queued = try await cluster.patchStatus(of: run, ["phase": "Queued"])
            #expect(queued.status?.phase == .queued)
            #expect(queued.spec == run.spec)
            #expect(queued.metadata.generation == run.metadata.generation)
            let stale = try await refusal {
                try await cluster.patchStatus(of: run, ["phase": "Evaluating"])
            }
            #expect(stale.isConflict)
            // An empty patch tells whether the version is still the newest.
            #expect(try await refusal { try await cluster.patchStatus(of: run, nil) }.isConflict)
            let confirmed = try await cluster.patchStatus(of: queued, nil)
            #expect(confirmed.metadata.resourceVersion == queued.metadata.resourceVersion)
        },
        Scenario("a finalizer holds a run until it is removed, on the version that was observed") { cluster in
            var run = cluster.run("run")
            run.metadata.finalizers = ["anneal.dev/ledger"]
            let created = try await cluster.client.create(run)
            try await cluster.client.delete(EvalRun.self, created.key)
            let held = try await cluster.client.get(EvalRun.self, created.key)
            #expect(held.metadata.deletionTimestamp != nil)
            func release(_ run: EvalRun) async throws {
                try await cluster.client.patch(
                    EvalRun.self, run.key,
                    .merge([
                        "metadata": [
                            "finalizers": [],
                            "resourceVersion": .string(run.metadata.resourceVersion ?? ""),
                        ]
                    ]))
            }
            #expect(try await refusal { try await release(created) }.isConflict)
            try await release(held)
            let gone = try await refusal { _ = try await cluster.client.get(EvalRun.self, created.key) }
            #expect(gone.isNotFound)
        },
    ]
}

extension TestCluster {
    /// Patches a status as the operator does: a merge patch on the condition that the run is still the
    /// observed one.
    @discardableResult
    func patchStatus(of run: EvalRun, _ status: JSONValue?) async throws -> EvalRun {
        var body: JSONValue = [
            "metadata": [
                "resourceVersion": .string(run.metadata.resourceVersion ?? ""),
                "uid": .string(run.metadata.uid ?? ""),
            ]
        ]
        body["status"] = status
        return try await client.patch(EvalRun.self, run.key, .merge(body), subresource: "status")
    }
}
