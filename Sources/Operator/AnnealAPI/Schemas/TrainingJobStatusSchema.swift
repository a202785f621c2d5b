import KubernetesAPI
import StructuralSchema

enum TrainingJobStatusSchema {
    private static let phase = Schema.string("Where the run is.")
        .enumeration(TrainingJobPhase.allCases.map { .string($0.rawValue) })
    private static let count = Schema.integer(nil, format: .int64).minimum(0)
    private static let text = Schema.string().maxLength(4096)
    private static let word = Schema.string().maxLength(1024)

    static let status = Schema.object(
        "What the operator has seen and done.",
        [
            "observedGeneration": count.description("The spec's generation that this speaks of."),
            "phase": phase,
            "reason": word.description("CamelCase: why the phase is what it is."),
            "message": text.description("For people."),
            "conditions": SharedSchema.conditions,
            "startTime": .timestamp("When the run left Pending."),
            "completionTime": .timestamp("When it finished."),
            "current": .object(
                "The current try of the current stage.",
                [
                    "stage": phase,
                    "attempt": count.description("From 1."),
                    "startedAt": .timestamp("When it began."),
                    "notBefore": .timestamp("Backoff: it begins then at the earliest."),
                    "launchedAt": .timestamp("When all of its pods were first seen."),
                    "failures": count.description("Counted failures since the stage was entered."),
                    "interruptions": count.description("Tries that the infrastructure ended."),
                ], required: ["stage", "attempt", "startedAt"]),
            "stages": stages,
            "trainingAttempts": count.description("Attempts of training so far; only grows."),
            "countedFailures": count.description("Those that count against backoffLimit."),
            "fruitlessInterruptions": count.description(
                "Interruptions of training in a row without a newer checkpoint."),
            "suspendedFrom": phase.description("Where the run goes on after a suspension."),
            "suspendedAt": .timestamp("Since when the run is suspended."),
            "suspendedSeconds": count.description("Seconds of earlier suspensions."),
            "progressPercent": word.description("Steps done, in percent."),
            "progress": progress,
            "checkpoint": checkpoint("The newest verified checkpoint."),
            "resume": checkpoint("The one that the running attempt, or the next, goes on from."),
            "bestCheckpoint": checkpoint("The best one by validation loss."),
            "dataset": dataset,
            "gpus": count.description("GPUs that the run holds or asks for."),
            "gpuSeconds": count.description("GPUs times seconds held, over all attempts."),
            "gpuHours": word.description("The same in hours."),
            "gpusHeldSince": .timestamp("Since when the running attempt holds its GPUs."),
            "trainedSeconds": count.description("Seconds of training in earlier attempts."),
            "output": model,
            "evaluation": evaluation,
            "registeredModel": .object(
                "The model's entry in the registry.",
                [
                    "name": word.description("The registered model's name."),
                    "version": word.description("The version that this run made."),
                    "runId": word.description("The MLflow run that the version belongs to."),
                    "alias": word.description("The alias that points to the version."),
                ], required: ["name", "version"]),
        ], required: ["phase"])

    private static let stages = Schema.listMap(
        "What became of each stage.", keys: ["name"],
        of: .object(
            "A stage.",
            [
                "name": phase,
                "startedAt": .timestamp("First entry."),
                "finishedAt": .timestamp("Last end."),
                "attempts": count.description("Tries so far."),
                "lastFailure": text.description("Why the last try that failed did."),
            ], required: ["name", "startedAt", "attempts"])
    ).maxItems(16)

    private static let progress = Schema.object(
        "What the trainer last said.",
        [
            "step": .integer("Optimiser steps done.", format: .int64),
            "totalSteps": .integer("Steps planned.", format: .int64),
            "epoch": .number("Passes over the data."),
            "loss": .number("Training loss."),
            "evalLoss": .number("Validation loss."),
            "initialEvalLoss": .number("Validation loss before the first step."),
            "learningRate": .number("Of the last step."),
            "tokensPerSecond": .number("Throughput."),
        ])

    private static func checkpoint(_ description: String) -> Schema {
        .object(
            description,
            [
                "step": .integer("Optimiser steps done.", format: .int64),
                "attempt": count.description("The attempt that wrote it."),
                "storageUri": word.description("Its folder in S3."),
                "manifestSha256": .string("Of its manifest.").maxLength(64),
                "evalLoss": .number("Validation loss."),
            ], required: ["step", "attempt", "storageUri", "manifestSha256"])
    }

    private static let dataset = Schema.object(
        "What validation and preprocessing counted.",
        [
            "sha256": .string("Of the raw dataset.").maxLength(64),
            "records": count.description("Records of the raw dataset."),
            "exactDuplicates": count.description("Records that were dropped as copies of another."),
            "nearDuplicates": count.description("Records that were dropped as nearly copies of another."),
            "filtered": count.description("Records that were dropped for their length."),
            "trainRecords": count.description("Records that training sees."),
            "validationRecords": count.description("Records that are held back."),
            "processedManifestSha256": .string("Of the processed data's manifest.").maxLength(64),
            "modelSha256": .string("Of the base model, as validated.").maxLength(64),
        ])

    private static let model = Schema.object(
        "The trained model.",
        [
            "storageUri": word.description("Its folder in S3."),
            "manifestSha256": .string("Of its manifest: the model's digest.").maxLength(64),
            "bytes": count.description("Size of all files."),
            "files": count.description("Number of files, the manifest left out."),
        ], required: ["storageUri", "manifestSha256"])

    private static let evaluation = Schema.object(
        "The verdict on the model.",
        [
            "name": word.description("The EvalRun's name."),
            "passed": .boolean("Whether every threshold was kept."),
            "results": SharedSchema.thresholdResults,
            "metrics": SharedSchema.metrics,
        ], required: ["name"])
}
