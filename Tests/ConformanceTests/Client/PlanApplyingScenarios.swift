import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Testing

@testable import Operator

extension Scenario {
    /// Scenarios of the operator's own applier. EvalRuns are the children that every back end serves.
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
            // The second time stands for a repetition after a lost reply.
            for _ in 0..<2 { try await applier.carryOut([.create(.evalRun(child))], on: run) }
            let created = try await cluster.client.get(EvalRun.self, child.key)
            #expect(created.metadata.controller?.uid == run.metadata.uid)
            #expect(applier.caches.evalRuns.store.get(child.key)?.metadata.uid == created.metadata.uid)
            await #expect(throws: NameTaken.self) {
                try await applier.carryOut([.create(.evalRun(cluster.child("child", of: other)))], on: other)
            }
        },
        Scenario("exactly the object that was seen is deleted, and what is gone is no error") { cluster in
            let applier = cluster.applier()
            let run = try await cluster.create("run")
            let child = cluster.child("child", of: run)
            try await applier.carryOut([.create(.evalRun(child))], on: run)
            let seen = try await cluster.client.get(EvalRun.self, child.key)
            let former = ChildReference(
                kind: .evalRun, key: child.key, uid: "00000000-0000-0000-0000-000000000000")
            try await applier.carryOut([.delete(former)], on: run)
            #expect(try await cluster.client.get(EvalRun.self, child.key).metadata.uid == seen.metadata.uid)
            let reference = try #require(Child.evalRun(seen).reference)
            for _ in 0..<2 { try await applier.carryOut([.delete(reference)], on: run) }
            #expect(try await cluster.isGone(child.key))
            let uid = try #require(run.metadata.uid)
            try await applier.carryOut([.deleteRun(uid: former.uid)], on: run)
            #expect(try await !cluster.isGone(run.key))
            for _ in 0..<2 { try await applier.carryOut([.deleteRun(uid: uid)], on: run) }
            #expect(try await cluster.isGone(run.key))
        },
        Scenario("an effect that is refused stops those after it") { cluster in
            let applier = cluster.applier()
            let run = try await cluster.create("run")
            var wrong = cluster.child("wrong", of: run)
            wrong.spec.suites = []
            let effects: [Effect] = [
                .create(.evalRun(wrong)), .create(.evalRun(cluster.child("after", of: run))),
            ]
            let error = try await refusal { try await applier.carryOut(effects, on: run) }
            #expect(error.status?.message?.contains("spec.suites") == true)
            #expect(try await cluster.isGone(cluster.key("after")))
        },
    ]
}

extension TestCluster {
    /// An applier with caches that follow nothing: they hold only what the applier itself learned.
    fileprivate func applier() -> PlanApplier {
        let logger = Logger(label: "applier") { _ in SwiftLogNoOpLogHandler() }
        let events = EventRecorder(client: client, component: "conformance", instance: "test", logger: logger)
        let malformed = MalformedObjects(
            events: events, metrics: OperatorMetrics(), logger: logger)
        return PlanApplier(
            client: client, events: events,
            caches: ClusterCaches(
                client: client, namespace: namespace, malformed: malformed, logger: logger))
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
