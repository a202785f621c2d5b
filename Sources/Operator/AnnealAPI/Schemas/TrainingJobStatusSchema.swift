import KubernetesAPI
import StructuralSchema

enum TrainingJobStatusSchema {
    private static let phase = Schema.string("Place of the run in its life.")
        .enumeration(TrainingJobPhase.allCases.map { .string($0.rawValue) })
    private static let count = Schema.integer(nil, format: .int64).minimum(0)
    private static let text = Schema.string().maxLength(4096)
    private static let word = Schema.string().maxLength(1024)

    static let status = Schema.object(
        "State of the run as the operator saw and left it.",
        [
            "observedGeneration": count.description("Generation of the spec that this status speaks of."),
            "phase": phase,
            "reason": word.description("Cause of the phase, one word in CamelCase."),
            "message": text.description("Cause of the phase in words, for people."),
            "conditions": SharedSchema.conditions,
            "startTime": .timestamp("Time at which the run left Pending."),
            "completionTime": .timestamp("Time at which the run finished."),
            "current": .object(
                "The current attempt of the current stage; written before anything of it is created.",
                [
                    "stage": phase.description("Phase that the attempt is one of."),
                    "attempt": count.description("Number of the attempt, from 1."),
                    "startedAt": .timestamp("Time at which the attempt was decided."),
                    "notBefore": .timestamp("Earliest time at which the attempt begins, set by backoff."),
                    "launchedAt": .timestamp(
                        "Time at which all of the attempt's objects were first seen; one that is missing from then on was lost."
                    ),
                    "failures": count.description("Counted failures since the stage was entered."),
                    "interruptions": count.description(
                        "Attempts that the infrastructure ended since the stage was entered."),
                    "seal": .string(
                        "SHA-256 of a word that the attempt's objects carry, and that nobody else knows before they exist."
                    ).maxLength(64),
                    "children": .map(
                        "UIDs of the attempt's objects by name, as they were created; no others of these names count.",
                        of: .string("UID of the object.").maxLength(63)
                    ).maxProperties(512),
                ], required: ["stage", "attempt", "startedAt"]),
            "stages": stages,
            "admission": SharedSchema.admission,
            "trainingAttempts": count.description(
                "Attempts of training so far, counted and uncounted; only grows."),
            "heartbeatUID": .string(
                "UID of the newest training attempt's Lease; reports from no other count."
            ).maxLength(63),
            "countedFailures": count.description(
                "Attempts of training that failed and count against backoffLimit."),
            "fruitlessInterruptions": count.description(
                "Interruptions of training in a row without a newer checkpoint; enough of them count as a failure."
            ),
            "avoidedNodes": SharedSchema.avoidedNodes,
            "suspendedFrom": phase.description("Phase that the run goes on in after a suspension."),
            "suspendedAt": .timestamp("Time since which the run is suspended."),
            "suspendedSeconds": count.description(
                "Seconds of suspensions that are over, left out of the run's time limit."),
            "queuedSince": .timestamp("Time since which the run waits for an admission."),
            "queuedSeconds": count.description(
                "Seconds of waits for an admission that are over, left out of the run's time limits."),
            "completingSince": .timestamp(
                "Time from which completionDeadlineSeconds counts: the end of training, later by each wait for an "
                    + "admission and each suspension since."),
            "workspaceGeneration": count.description(
                "Number of the run's volume: one that was lost, as a rule with its node, is followed by another."
            ),
            "holdsOnlyCopy": .boolean(
                "Whether the volume may hold a checkpoint or a model that is not in S3."),
            "progressPercent": word.description("Steps done, `0 %` to `100 %`, for the printer column."),
            "progress": progress,
            "checkpoint": checkpoint("The newest checkpoint whose manifest was verified."),
            "resume": checkpoint("The checkpoint that the running attempt, or the next, goes on from."),
            "bestCheckpoint": checkpoint("The best checkpoint by validation loss."),
            "continuedFrom": continuedFrom,
            "configSha256": .string(
                "SHA-256 of what decides the trained weights: model, dataset, preprocessing, method, hyperparameters, "
                    + "and the trainer with its processes."
            ).maxLength(64),
            "checkpointSeconds": .object(
                "Seconds that checkpoints and stops took, by which later attempts get their grace period.",
                [
                    "save": count.description("Seconds in which the trainer wrote a checkpoint."),
                    "stop": count.description("Seconds from SIGTERM to the trainer's end."),
                    "upload": count.description(
                        "Seconds in which the sidecar uploaded a checkpoint and committed it."),
                ]),
            "dataset": dataset,
            "gpus": count.description("GPUs that the run holds or asks for."),
            "gpuSeconds": count.description(
                "GPUs times seconds held by pods that have ended, over all attempts."),
            "podUsage": SharedSchema.podUsage,
            "gpuHours": word.description(
                "GPU-hours held, over all attempts, with two decimals, for the printer column."),
            "gpusHeldSince": .timestamp(
                "Time since which the running attempt holds its GPUs."),
            "trainedSeconds": count.description(
                "Seconds of training in earlier attempts, counted against activeDeadlineSeconds."),
            "output": model,
            "evaluation": evaluation,
            "registeredModel": .object(
                "The model's entry in the registry.",
                [
                    "name": word.description("Name of the registered model."),
                    "version": word.description("Version that this run made."),
                    "runId": word.description("MLflow run that the version belongs to."),
                    "alias": word.description("Alias that points to the version."),
                ], required: ["name", "version"]),
        ], required: ["phase"])

    private static let stages = Schema.listMap(
        "History of the stages, one entry a stage, in order of first entry.", keys: ["name"],
        of: .object(
            "History of a stage.",
            [
                "name": phase.description("Phase of the stage."),
                "startedAt": .timestamp("Time of first entry."),
                "finishedAt": .timestamp("Time of the last end."),
                "attempts": count.description("Attempts so far."),
                "lastFailure": text.description("Cause of the last attempt's failure, for people."),
            ], required: ["name", "startedAt", "attempts"])
    ).maxItems(16)

    private static let progress = Schema.object(
        "Figures that the trainer reported last.",
        [
            "step": .integer("Optimiser steps done.", format: .int64),
            "totalSteps": .integer("Optimiser steps planned.", format: .int64),
            "epoch": .number("Passes over the data, with a fraction."),
            "loss": .number("Training loss."),
            "evalLoss": .number("Validation loss."),
            "initialEvalLoss": .number("Validation loss before the first step."),
            "learningRate": .number("Learning rate of the last step."),
            "tokensPerSecond": .number("Throughput in tokens a second."),
        ])

    private static func checkpoint(_ description: String) -> Schema {
        .object(
            description,
            [
                "step": .integer("Optimiser steps done.", format: .int64),
                "attempt": count.description("Number of the training attempt that wrote it."),
                "storageUri": word.description("Folder of the checkpoint in S3."),
                "manifestSha256": .string("SHA-256 of the checkpoint's manifest.").maxLength(64),
                "evalLoss": .number("Validation loss at the step."),
            ], required: ["step", "attempt", "storageUri", "manifestSha256"])
    }

    private static let continuedFrom = Schema.object(
        "Results taken over from the run that spec.continueFrom names.",
        [
            "name": word.description("Name of the run."),
            "uid": .string("UID of the run.").maxLength(63),
            "model": model.description("The finished model that is taken over; training is skipped."),
            "checkpoint": checkpoint("The checkpoint that training goes on from."),
            "volume": .object(
                "The volume with what is not in S3.",
                [
                    "name": word.description("Name of the PersistentVolumeClaim."),
                    "uid": .string("UID of the PersistentVolumeClaim.").maxLength(63),
                    "hasModel": .boolean("Whether a finished model is on it."),
                ], required: ["name", "uid"]),
        ], required: ["name", "uid"])

    private static let dataset = Schema.object(
        "Counts and digests of validation and preprocessing.",
        [
            "sha256": .string("SHA-256 of the raw dataset as it was validated.").maxLength(64),
            "files": count.description("Files of the raw dataset that are read."),
            "filesFound": count.description(
                "Files at the raw dataset's address; the test split and what holds no records are not read."),
            "records": count.description("Records of the raw dataset."),
            "exactDuplicates": count.description("Records that were dropped as copies of another."),
            "nearDuplicates": count.description("Records that were dropped as nearly copies of another."),
            "filtered": count.description("Records that were dropped for their length."),
            "trainRecords": count.description("Records that training sees."),
            "validationRecords": count.description("Records that are held back for validation."),
            "processedManifestSha256": .string("SHA-256 of the processed data's manifest.").maxLength(64),
            "processedStorageUri": word.description(
                "Folder of the processed data in S3: the run's own, or that of a run that it continues."),
            "modelSha256": .string("SHA-256 of the base model's manifest or objects, as validated.")
                .maxLength(64),
            "modelStorageUri": word.description(
                "Folder of the base model in S3 where it is not the spec's: the snapshot within a hub cache."),
        ])

    private static let model = Schema.object(
        "The trained model.",
        [
            "storageUri": word.description("Folder of the model in S3."),
            "manifestSha256": .string("SHA-256 of the model's manifest: the model's digest.").maxLength(64),
            "bytes": count.description("Size of all files in bytes."),
            "files": count.description("Number of files, the manifest left out."),
            "leftOut": .string(
                "What the trainer left in the output folder and could not be uploaded, with the causes."
            ).maxLength(1000),
        ], required: ["storageUri", "manifestSha256"])

    private static let evaluation = Schema.object(
        "The verdict on the model.",
        [
            "name": word.description("Name of the EvalRun."),
            "uid": .string("UID of the EvalRun.").maxLength(63),
            "modelSha256": .string("SHA-256 of the manifest of the model that was judged.").maxLength(64),
            "requestSha256": .string("SHA-256 of what was asked of the EvalRun, its policy left out.")
                .maxLength(64),
            "passed": .boolean("Whether every threshold was kept."),
            "results": SharedSchema.thresholdResults,
            "metrics": SharedSchema.metrics,
        ], required: ["name"])
}
