import AnnealAPI
import KubernetesAPI
import Planning
import Testing

@testable import Operator

struct RunReductionTests {
    private static let spec: JSONValue = [
        "method": "lora", "model": ["storageUri": "s3://m/a/"],
        "dataset": ["storageUri": "s3://d/a.jsonl", "format": "promptCompletion"],
        "preprocessing": ["deduplication": "near"], "hyperparameters": ["seed": 1],
        "trainer": [
            "image": "i", "command": ["c"], "args": ["a"], "env": [["name": "A", "value": "b"]],
            "numNodes": 2, "resourcesPerNode": ["gpus": 4],
        ],
        "workspace": ["retention": "Retain"], "artifacts": ["storageUri": "s3://a/b"],
        "storage": ["endpoint": "http://s"], "registration": ["modelName": "n", "trackingUri": "http://t"],
        "evaluation": ["evaluator": ["image": "e"], "suites": [["name": "s", "type": "perplexity"]]],
        "runPolicy": ["ttlSecondsAfterFinished": 100], "idempotencyKey": "k",
    ]

    private func job(_ phase: TrainingJobPhase) throws -> TrainingJob {
        let value: JSONValue = [
            "metadata": [
                "name": "j", "namespace": "n", "uid": "u", "resourceVersion": "1", "generation": 1,
                "annotations": [
                    "kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "x",
                ],
            ],
            "spec": Self.spec,
            "status": [
                "phase": .string(phase.rawValue), "startTime": "2026-11-21T00:00:00Z",
                "completionTime": "2026-11-21T01:00:00Z", "trainingAttempts": 1,
                "stages": [["name": "Training", "startedAt": "2026-11-21T00:00:00Z", "attempts": 1]],
            ],
        ]
        return try value.decoded()
    }

    @Test(arguments: TrainingJobPhase.allCases.filter(\.isTerminal))
    func `the plan of a finished run is the same after reduction`(phase: TrainingJobPhase) throws {
        let job = try job(phase)
        let reduced = Kind.trainingJob.reduction(job)
        #expect(reduced != job && Kind.trainingJob.reduction(reduced) == reduced)
        for hour: Int64 in [1, 3] {
            let now = Timestamp(seconds: 1_795_219_200 + hour * 3600)
            func plan(_ job: TrainingJob) -> Plan<TrainingJobStatus> {
                TrainingJobPlanner.plan(
                    TrainingJobObservation(run: job, now: now, settings: PlannerSettings(agentImage: "a")))
            }
            #expect(plan(reduced) == plan(job))
        }
    }

    @Test(arguments: TrainingJobPhase.allCases.filter { !$0.isTerminal })
    func `a run that goes on keeps its spec`(phase: TrainingJobPhase) throws {
        let job = try job(phase)
        let reduced = Kind.trainingJob.reduction(job)
        #expect(reduced.spec == job.spec && reduced.status == job.status)
        #expect(reduced.metadata.annotations == ["mine": "x"])
    }
}
