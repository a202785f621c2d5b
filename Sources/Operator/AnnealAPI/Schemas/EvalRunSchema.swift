import KubernetesAPI
import StructuralSchema

enum EvalRunSchema {
    static let root = Schema.object(
        "EvalRun is one evaluation of one model, with a verdict.",
        [
            "apiVersion": .string("anneal.dev/v1alpha1"),
            "kind": .string("EvalRun"),
            "metadata": Schema(.object),
            "spec": spec,
            "status": status,
        ], required: ["spec"]
    )

    private static let spec: Schema = {
        var schema = Schema.object(
            "The model to measure, the suites, and the bounds that their metrics must keep.",
            [
                "model": SharedSchema.input(
                    "The model to measure: a folder in S3; whole, or an adapter on baseModel."),
                "baseModel": SharedSchema.input("The model that an adapter sits on."),
                "storage": SharedSchema.storage,
                "evaluator": EvaluationSchema.evaluator,
                "suites": EvaluationSchema.suites,
                "thresholds": EvaluationSchema.thresholds,
                "placement": SharedSchema.placement,
                "runPolicy": SharedSchema.runPolicy(
                    deadline:
                        "Seconds that the evaluation may take, in an EvalRun; time queued and suspended left out.",
                    maximumDeadline: 86_400, defaultDeadline: 14_400
                ).default([:]),
            ], required: ["model", "suites", "evaluator"])
        schema.validations = [
            EvaluationSchema.thresholdsNameSuites,
            Schema.Rule(
                "self.suites.all(s, s.type == 'custom' || has(s.data))",
                message: "each suite but a custom one needs data: an EvalRun has no validation split",
                reason: "FieldValueRequired", fieldPath: ".suites"),
        ]
        return schema.freezing(
            ["model", "suites", "evaluator", "baseModel", "thresholds", "storage", "placement"],
            advice: "is immutable: a verdict stands for what was asked; create another EvalRun")
    }()

    private static let count = Schema.integer(nil, format: .int64).minimum(0)

    private static let status = Schema.object(
        "State of the evaluation as the operator saw and left it.",
        [
            "observedGeneration": count.description("Generation of the spec that this status speaks of."),
            "phase": .string("Place of the evaluation in its life; Passed, Failed and Error end it.")
                .enumeration(EvalRunPhase.allCases.map { .string($0.rawValue) }),
            "reason": .string("Cause of the phase, one word in CamelCase.").maxLength(1024),
            "message": .string("Cause of the phase in words, for people.").maxLength(4096),
            "conditions": SharedSchema.conditions,
            "startTime": .timestamp("Time at which the run left Pending."),
            "completionTime": .timestamp("Time at which the run finished."),
            "admission": SharedSchema.admission,
            "attempt": count.description("Admissions that the run has used; only grows."),
            "suites": suites,
            "avoidedNodes": SharedSchema.avoidedNodes,
            "results": SharedSchema.thresholdResults,
            "gate": .string("Thresholds kept, of all, such as 3/3; for the printer column.").maxLength(32),
            "gpus": count.description("GPUs that the run holds or asks for."),
            "gpuSeconds": count.description(
                "GPUs times seconds held by pods that have ended, over all attempts."),
            "podUsage": SharedSchema.podUsage,
            "suspendedAt": .timestamp("Time since which the run is suspended."),
            "suspendedSeconds": count.description(
                "Seconds of suspensions that are over, left out of the run's time limit."),
            "queuedSince": .timestamp("Time since which the run waits for an admission."),
            "queuedSeconds": count.description(
                "Seconds of waits for an admission that are over, left out of the run's time limits."),
        ], required: ["phase"])

    private static let suites = Schema.listMap(
        "State of the suites, one entry a suite.", keys: ["name"],
        of: .object(
            "State of a suite.",
            [
                "name": .string("Name of the suite.").maxLength(63),
                "attempt": count.description("Attempts so far; written before an attempt's pod is created."),
                "finished": .boolean("Whether the suite has reported."),
                "samples": count.description("Records that were measured."),
                "metrics": SharedSchema.metrics,
                "lastFailure": .string("Cause of the last attempt's failure, for people.").maxLength(4096),
                "notBefore": .timestamp("Earliest time at which the next attempt begins, set by backoff."),
                "launchedAt": .timestamp(
                    "Time at which the attempt's pod was first seen; a pod that is missing from then on was lost."
                ),
                "seal": .string(
                    "SHA-256 of a word that the attempt's pod carries, and that nobody else knows before it exists."
                ).maxLength(64),
                "podUID": .string(
                    "UID of the attempt's pod, as it was created; no other of its name counts."
                ).maxLength(63),
                "failures": count.description("Attempts that failed by themselves."),
                "interruptions": count.description("Attempts that the infrastructure ended."),
            ], required: ["name", "attempt"])
    ).maxItems(16)
}
