import AnnealAPI
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Testing

@testable import Operator

@Suite(.timeLimit(.minutes(2))) struct NewKindTests {
    @Test(arguments: [BackEnd.embedded, .kubernetes].filter(\.isAvailable))
    func `a kind that is registered in one file runs beside the others`(_ backEnd: BackEnd) async throws {
        let cluster = try await TestCluster(backEnd, namespace: TestCluster.unique("ensemble"))
        var settings = PlannerSettings(agentImage: "agent:1")
        settings.queuePollSeconds = 1
        let logger = Logger(label: "operator") { _ in SwiftLogNoOpLogHandler() }
        let anneal = AnnealOperator(
            kinds: Kinds.all + [Kind.ensemble], client: cluster.client,
            configuration: OperatorConfiguration(planner: settings, identity: "test"),
            metrics: OperatorMetrics(), logger: logger, now: { Timestamp(seconds: 1_795_233_600) })
        let running = Task { try await anneal.run() }
        defer { running.cancel() }

        let name = cluster.namespace
        let evaluation = cluster.run("e").spec
        let training: TrainingJobSpec = try
            ([
                "method": "lora", "model": ["storageUri": "s3://models/a/"],
                "dataset": ["storageUri": "s3://datasets/a.jsonl", "format": "text"],
                "trainer": ["image": "example/train:1"], "artifacts": ["storageUri": "s3://artifacts/b"],
                "runPolicy": [:],
            ] as JSONValue).decoded()
        _ = try await cluster.client.create(
            Ensemble(
                metadata: ObjectMeta(name: name),
                spec: .init(
                    namespace: name, members: ["a", "b"], evaluation: evaluation, training: training)))
        func ensemble() async throws -> Ensemble {
            try await cluster.client.get(Ensemble.self, ObjectKey(name: name))
        }
        for member in ["a", "b"] {
            let key = cluster.key(member)
            try await eventually("evaluation \(member) is queued by its own controller") {
                try await cluster.find(EvalRun.self, key)?.status?.phase == .queued
            }
            try await eventually("training \(member) was made and left Pending") {
                let phase = try await cluster.find(TrainingJob.self, key)?.status?.phase
                return phase != nil && phase != .pending
            }
            let run = try await cluster.client.get(EvalRun.self, key)
            #expect(run.metadata.controller?.kind == "Ensemble")
            try await eventually("evaluation \(member) has passed") {
                await
                    (try? cluster.client.patch(
                        EvalRun.self, key, .merge(["status": ["phase": "Passed"]]), subresource: "status"))
                    != nil
            }
        }
        try await eventually("the verdicts woke their owner") {
            try await ensemble().status?.phase == "Passed"
        }
        #expect(try await ensemble().status?.passed == 2)
        for member in ["a", "b"] {
            try await eventually("training \(member) is stopped for good") {
                try await cluster.find(TrainingJob.self, cluster.key(member))?.status?.phase == .pruned
            }
        }
        try await cluster.client.delete(Ensemble.self, ObjectKey(name: name))
    }
}

extension TestCluster {
    /// The object; nil while there is none.
    fileprivate func find<R: KubernetesResource>(_ type: R.Type, _ key: ObjectKey) async throws -> R? {
        do throws(KubernetesError) {
            return try await client.get(type, key)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }
}
