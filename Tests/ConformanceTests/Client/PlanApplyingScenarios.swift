import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Testing

@testable import Operator

extension Scenario {
    /// The operator's own applier. EvalRuns are the children that every back end serves.
    static let planApplying = [
        Scenario("a status is written where it differs, and only over the run that was observed") { cluster in
            let applier = cluster.applier()
            let run = try await cluster.create("run")
            let queued = EvalRunStatus(phase: .queued)
            let written = try #require(try await applier.writeStatus(queued, of: run))
            let stored = try await cluster.client.get(EvalRun.self, run.key)
            #expect(stored.status?.phase == .queued)
            #expect(stored.metadata.resourceVersion == written.metadata.resourceVersion)
            #expect(try await applier.writeStatus(queued, of: written) == nil)
            let stale = try await refusal {
                _ = try await applier.writeStatus(EvalRunStatus(phase: .evaluating), of: run)
            }
            #expect(stale.isConflict)
            #expect(try await refusal { try await applier.confirmVersion(of: run) }.isConflict)
            try await applier.confirmVersion(of: written)
            #expect(try await cluster.client.get(EvalRun.self, run.key) == stored)
        },
        Scenario("a child is created once, and one that somebody else owns is not taken over") { cluster in
            let applier = cluster.applier()
            let (run, other) = (try await cluster.create("run"), try await cluster.create("other"))
            let child = cluster.child("child", of: run)
            // The second time as after a reply that was lost.
            for _ in 0..<2 { try await applier.succeed([.create(Child(child))], on: run) }
            let created = try await cluster.client.get(EvalRun.self, child.key)
            #expect(created.metadata.controller?.uid == run.metadata.uid)
            #expect(
                applier.caches.informer(EvalRun.self)?.store.get(child.key)?.metadata.uid
                    == created.metadata.uid)
            for effect in [Effect.create, Effect.apply] {
                let rival = Child(cluster.child("child", of: other))
                let failures = try await applier.carryOut([effect(rival, [])], on: other)
                #expect(failures.map(\.reason) == ["NameTaken"])
                #expect(failures.first?.description.contains("controlled by EvalRun run") == true)
            }
        },
        Scenario("exactly the object that was seen is deleted, and what is gone is no error") { cluster in
            let applier = cluster.applier()
            let run = try await cluster.create("run")
            let child = cluster.child("child", of: run)
            try await applier.succeed([.create(Child(child))], on: run)
            let seen = try await cluster.client.get(EvalRun.self, child.key)
            let former = ChildReference(
                type: EvalRun.resourceType, key: child.key, uid: "00000000-0000-0000-0000-000000000000")
            try await applier.succeed([.delete(former)], on: run)
            #expect(try await cluster.client.get(EvalRun.self, child.key).metadata.uid == seen.metadata.uid)
            let reference = try #require(Child(seen).reference)
            for _ in 0..<2 { try await applier.succeed([.delete(reference)], on: run) }
            #expect(try await cluster.isGone(child.key))
            let uid = try #require(run.metadata.uid)
            try await applier.succeed([.deleteRun(uid: former.uid)], on: run)
            #expect(try await !cluster.isGone(run.key))
            for _ in 0..<2 { try await applier.succeed([.deleteRun(uid: uid)], on: run) }
            #expect(try await cluster.isGone(run.key))
        },
        Scenario("an effect that is refused holds up those that need it, and no others") { cluster in
            let applier = cluster.applier()
            let run = try await cluster.create("run")
            var wrong = cluster.child("wrong", of: run)
            wrong.spec.suites = []
            let needed = Child(wrong).identity
            let dependent = Child(cluster.child("dependent", of: run))
            let effects: [Effect] = [
                .create(Child(wrong)), .create(dependent, needs: [needed]),
                .create(Child(cluster.child("later", of: run)), needs: [dependent.identity]),
                .create(Child(cluster.child("independent", of: run))),
                .deleteRun(uid: run.metadata.uid ?? ""),
            ]
            let failures = try await applier.carryOut(effects, on: run)
            #expect(failures.map(\.reason) == ["Invalid"])
            let text = try #require(failures.first?.description)
            #expect(text.hasPrefix("create EvalRun wrong: ") && text.contains("spec.suites"))
            #expect(try await cluster.isGone(cluster.key("dependent")))
            #expect(try await cluster.isGone(cluster.key("later")))
            #expect(try await !cluster.isGone(cluster.key("independent")))
            #expect(try await !cluster.isGone(run.key), "a run is not let go while an effect is refused")
        },
        Scenario("a child that is applied is made, and repaired where somebody changed it") { cluster in
            let applier = cluster.applier()
            let run = try await cluster.create("run")
            var child = cluster.child("child", of: run)
            child.spec.runPolicy = RunPolicy()
            child.spec.runPolicy?.backoffLimit = 2
            try await applier.succeed([.apply(Child(child))], on: run)
            let made = try await cluster.client.get(EvalRun.self, child.key)
            #expect(made.spec.runPolicy?.backoffLimit == 2)
            try await cluster.client.patch(
                EvalRun.self, child.key,
                .merge(["spec": ["runPolicy": ["backoffLimit": 7, "ttlSecondsAfterFinished": 60]]]))
            try await applier.succeed([.apply(Child(child))], on: run)
            let repaired = try await cluster.client.get(EvalRun.self, child.key)
            #expect(repaired.metadata.uid == made.metadata.uid)
            #expect(repaired.spec.runPolicy?.backoffLimit == 2)
            #expect(repaired.spec.runPolicy?.ttlSecondsAfterFinished == 60, "what others set is theirs")
        },
        Scenario("exactly the object that was seen is patched") { cluster in
            let applier = cluster.applier()
            let run = try await cluster.create("run")
            let child = cluster.child("child", of: run)
            try await applier.succeed([.create(Child(child))], on: run)
            let seen = try await cluster.client.get(EvalRun.self, child.key)
            let stop: JSONValue = ["spec": ["runPolicy": ["stop": ["reason": "Pruned"]]]]
            var reference = try #require(Child(seen).reference)
            reference.uid = "00000000-0000-0000-0000-000000000000"
            try await applier.succeed([.patch(reference, stop)], on: run)
            #expect(try await cluster.client.get(EvalRun.self, child.key).spec.runPolicy?.stop == nil)
            reference = try #require(Child(seen).reference)
            try await applier.succeed([.patch(reference, stop)], on: run)
            let stopped = try await cluster.client.get(EvalRun.self, child.key)
            #expect(stopped.spec.runPolicy?.stop?.reason == "Pruned")
        },
        Scenario("a finalizer holds a run until it is removed") { cluster in
            let applier = cluster.applier()
            let run = try await cluster.create("run")
            try await applier.succeed([.addFinalizer(Anneal.Finalizer.settle)], on: run)
            let held = try await cluster.client.get(EvalRun.self, run.key)
            #expect(held.metadata.finalizers == [Anneal.Finalizer.settle])
            try await applier.succeed([.deleteRun(uid: run.metadata.uid ?? "")], on: held)
            let deleted = try await cluster.client.get(EvalRun.self, run.key)
            #expect(deleted.metadata.deletionTimestamp != nil)
            try await applier.succeed([.removeFinalizer(Anneal.Finalizer.settle)], on: deleted)
            #expect(try await cluster.isGone(run.key))
        },
    ]
}

extension PlanApplier {
    /// Carries out effects of which none may be refused.
    fileprivate func succeed(_ effects: [Effect], on run: EvalRun) async throws {
        let failures = try await carryOut(effects, on: run)
        #expect(failures.isEmpty, "\(failures)")
    }
}

extension TestCluster {
    /// With caches that follow nothing: they hold what the applier itself learned.
    fileprivate func applier() -> PlanApplier {
        let logger = Logger(label: "applier") { _ in SwiftLogNoOpLogHandler() }
        let events = EventRecorder(client: client, component: "conformance", instance: "test", logger: logger)
        let malformed = MalformedObjects(
            events: events, metrics: OperatorMetrics(), logger: logger)
        return PlanApplier(
            client: client, events: events,
            caches: ClusterCaches(
                kinds: Kinds.all,
                InformerContext(client: client, namespace: namespace, malformed: malformed, logger: logger)))
    }

    fileprivate func child(_ name: String, of owner: EvalRun) -> EvalRun {
        var child = run(name)
        child.metadata.ownerReferences = [
            OwnerReference(
                apiVersion: EvalRun.resourceType.apiVersion, kind: EvalRun.resourceType.kind,
                name: owner.name, uid: owner.metadata.uid ?? "", controller: true, blockOwnerDeletion: true)
        ]
        return child
    }

    fileprivate func isGone(_ key: ObjectKey) async throws -> Bool {
        do throws(KubernetesError) {
            _ = try await client.get(EvalRun.self, key)
            return false
        } catch {
            guard error.isNotFound else { throw error }
            return true
        }
    }
}
