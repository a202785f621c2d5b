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
    ).rule(
        "self.metadata.name.size() <= 63",
        message: "metadata.name must have at most 63 characters, so that labels can carry it")

    private static let spec: Schema = {
        var schema = Schema.object(
            "Which model is measured, by what, and when it passes.",
            [
                "model": SharedSchema.input("The model: a folder in S3; whole, or an adapter on baseModel."),
                "baseModel": SharedSchema.input("What an adapter sits on."),
                "storage": SharedSchema.storage,
                "evaluator": EvaluationSchema.evaluator,
                "suites": EvaluationSchema.suites,
                "thresholds": EvaluationSchema.thresholds,
                "placement": SharedSchema.placement,
                "runPolicy": SharedSchema.runPolicy(
                    deadline: "Seconds that the evaluation may take; time suspended left out.",
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
        "What was measured.",
        [
            "observedGeneration": count.description("The spec's generation that this speaks of."),
            "phase": .string("Where the evaluation is; Passed, Failed and Error end it.")
                .enumeration(EvalRunPhase.allCases.map { .string($0.rawValue) }),
            "reason": .string("CamelCase: why the phase is what it is.").maxLength(1024),
            "message": .string("For people.").maxLength(4096),
            "conditions": SharedSchema.conditions,
            "startTime": .timestamp("When it began."),
            "completionTime": .timestamp("When it finished."),
            "suites": suites,
            "results": SharedSchema.thresholdResults,
            "gate": .string("Thresholds kept, of all.").maxLength(32),
            "gpus": count.description("GPUs that it holds or asks for."),
            "gpuSeconds": count.description("GPUs times seconds held."),
            "gpusHeldSince": .timestamp("Since when GPUs are held."),
            "suspendedAt": .timestamp("Since when the run is suspended."),
            "suspendedSeconds": count.description("Seconds of earlier suspensions."),
        ], required: ["phase"])

    private static let suites = Schema.listMap(
        "What became of each suite.", keys: ["name"],
        of: .object(
            "A suite.",
            [
                "name": .string("Its name.").maxLength(63),
                "attempt": count.description("Tries so far."),
                "finished": .boolean("Whether it has reported."),
                "samples": count.description("Records that were measured."),
                "metrics": SharedSchema.metrics,
                "lastFailure": .string("Of an earlier try.").maxLength(4096),
                "notBefore": .timestamp("Backoff: the next try begins then at the earliest."),
                "launchedAt": .timestamp("When the try's pod was first seen."),
                "failures": count.description("Tries that failed by themselves."),
                "interruptions": count.description("Tries that the infrastructure ended."),
            ], required: ["name", "attempt"])
    ).maxItems(16)
}
