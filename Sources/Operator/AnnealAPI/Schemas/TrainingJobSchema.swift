import KubernetesAPI
import StructuralSchema

enum TrainingJobSchema {
    static let root = Schema.object(
        "TrainingJob is one fine-tune, from a dataset in S3 to an evaluated, registered model.",
        [
            "apiVersion": .string("anneal.dev/v1alpha1"),
            "kind": .string("TrainingJob"),
            "metadata": Schema(.object),
            "spec": spec,
            "status": TrainingJobStatusSchema.status,
        ], required: ["spec"]
    )

    private static let spec: Schema = {
        var schema = Schema.object(
            "The model to train, the records, the method, and the bounds that the result must keep.",
            [
                "model": SharedSchema.input("The base model: a folder in S3."),
                "dataset": dataset,
                "preprocessing": preprocessing,
                "method": .string(
                    "Way of training: lora and qlora train an adapter, full all weights; reward, dpo and ppo are "
                        + "the steps of alignment and need a trainer that knows them."
                ).oneOf("lora", "qlora", "full", "reward", "dpo", "ppo"),
                "hyperparameters": hyperparameters,
                "trainer": trainer,
                "placement": SharedSchema.placement,
                "checkpoint": checkpoint,
                "workspace": workspace,
                "storage": SharedSchema.storage,
                "artifacts": .object(
                    "Place of checkpoints, processed data and the model.",
                    [
                        "storageUri": SharedSchema.storageUri.description(
                            "`s3://bucket/prefix`; each run writes below a folder of its own UID.")
                    ], required: ["storageUri"]),
                "evaluation": evaluation,
                "registration": registration,
                "runPolicy": SharedSchema.runPolicy(
                    deadline:
                        "Seconds that Training may hold its GPUs, over all attempts, in a TrainingJob.",
                    maximumDeadline: 2_592_000, defaultDeadline: 86_400, others: limits
                ).default([:]),
                "continueFrom": continueFrom,
                "idempotencyKey": SharedSchema.line(
                    "Key of a wish: of two live runs with one key in a namespace, the later ends at once.",
                    maximum: 128),
            ], required: ["model", "dataset", "method", "trainer", "artifacts"])
        schema.validations = rules
        return schema.freezing(
            inputs,
            advice: "is immutable: a run's inputs stay what they were; create another TrainingJob")
    }()

    /// Properties that stay as the run was created; only its run policy may change.
    private static let inputs = [
        "model", "dataset", "method", "trainer", "artifacts", "preprocessing", "hyperparameters",
        "placement", "checkpoint", "workspace", "storage", "evaluation", "registration", "continueFrom",
        "idempotencyKey",
    ]

    private static let dataset = Schema.object(
        "The records to train on.",
        [
            "storageUri": SharedSchema.storageUri.description(
                "`s3://bucket/key`: one object of JSON lines, as it is or in gzip, or a prefix of them, with or without splits."
            ),
            "version": SharedSchema.line(
                "Name that the team gives this version; recorded in the model's lineage.", maximum: 128),
            "sha256": SharedSchema.sha256.description(
                "SHA-256 of the object, or of the prefix's list of objects, 64 lower-case hexadecimal digits. "
                    + "The run fails if it is another."),
            "format": SharedSchema.datasetFormat,
        ], required: ["storageUri", "format"])

    private static let preprocessing = Schema.object(
        "Treatment of the records before training.",
        [
            "deduplication": .string(
                "Copies that are dropped: none; exact ones; or near-duplicates too, of which the answer is the same and the "
                    + "question nearly so (MinHash)."
            )
            .oneOf("none", "exact", "near").default("near"),
            "similarityThreshold": .number(
                "Estimated Jaccard similarity of the questions' groups of five words, 0.5 to 1, from which two records "
                    + "with the same answer count as near-duplicates."
            ).range(0.5...1).default(0.85),
            "minLength": .integer("Records with fewer characters are dropped.", format: .int32)
                .range(0...10_000_000),
            "maxLength": .integer("Records with more characters are dropped.", format: .int32)
                .range(1...10_000_000),
            "validationFraction": .number(
                "Part of the records, 0 to 0.5, that is held back for validation, unless the dataset has a validation "
                    + "split."
            )
            .range(0...0.5).default(0.05),
            "seed": .integer("Seed of the split.", format: .int64).default(42),
            "transform": .object(
                "A container that may rewrite train.jsonl and validation.jsonl in /workspace/data, after the "
                    + "built-in steps.",
                [
                    "image": SharedSchema.image.description("Image of the container."),
                    "command": SharedSchema.words("Replaces the image's entry point."),
                    "args": SharedSchema.words("Arguments of the program."),
                ], required: ["image"]),
        ]
    ).rule(
        "!has(self.minLength) || !has(self.maxLength) || self.minLength <= self.maxLength",
        message: "minLength must not be above maxLength: every record would be dropped")

    private static let hyperparameters = Schema.object(
        "Known hyperparameters; a trainer's own go into parameters.",
        [
            "learningRate": .number("Peak learning rate, above 0.").exclusiveMinimum(0).maximum(10),
            "batchSize": .integer("Records of a step, on each process.", format: .int32).range(1...65_536),
            "gradientAccumulationSteps": .integer("Micro-steps of an optimiser step.", format: .int32)
                .range(1...65_536),
            "epochs": .integer("Passes over the data.", format: .int32).range(1...10_000),
            "maxSteps": .integer("Optimiser steps at most; ends training before epochs do.", format: .int32)
                .range(1...100_000_000),
            "maxSequenceLength": .integer("Tokens of a record; longer ones are cut.", format: .int32)
                .range(8...10_000_000),
            "warmupSteps": .integer("Steps of linear warm-up.", format: .int32).range(0...10_000_000),
            "weightDecay": .number("AdamW's weight decay, 0 to 1.").range(0...1),
            "lrScheduler": .string("Course of the learning rate after the warm-up.")
                .oneOf("cosine", "linear", "constant"),
            "maxGradNorm": .number("Norm that gradients are clipped to.").exclusiveMinimum(0),
            "seed": .integer("Seed of everything random.", format: .int64).minimum(0),
            "precision": .string("Arithmetic of training.").oneOf("fp32", "bf16", "fp16"),
            "loraRank": .integer("Rank of the adapter.", format: .int32).range(1...4096),
            "loraAlpha": .integer("Scale of the adapter.", format: .int32).range(1...65_536),
            "loraDropout": .number("Dropout of the adapter, from 0 to below 1.").minimum(0).exclusiveMaximum(
                1),
            "loraTargetModules": .listSet(
                "Modules that get an adapter.", of: .string("A module's name.").length(1...128)
            ).minItems(1).maxItems(64),
            "parameters": SharedSchema.parameters(
                "Parameters of the trainer's own, passed on as strings in its configuration file."),
        ]
    ).rule(
        "!has(self.warmupSteps) || !has(self.maxSteps) || self.warmupSteps <= self.maxSteps",
        message: "must not be above maxSteps: the warm-up would never end", fieldPath: ".warmupSteps")

    private static let trainer = Schema.object(
        "The program that trains, its processes and their resources.",
        [
            "image": SharedSchema.image.description("Image of the trainer."),
            "command": SharedSchema.words("Replaces the image's entry point."),
            "args": SharedSchema.words("Arguments of the program."),
            "env": SharedSchema.environment(
                "Environment of the trainer. A token comes from a Secret, by valueFrom."),
            "numNodes": .integer("Pods of the gang; all start at once or none.", format: .int32)
                .range(1...256).default(1),
            "numProcPerNode": .integer("Processes of a node; its GPUs if absent, at least 1.", format: .int32)
                .range(1...64),
            "resourcesPerNode": SharedSchema.resources.default([:]),
            "shmSize": SharedSchema.quantity("Size of /dev/shm, a quantity.").default("1Gi"),
            "terminationGracePeriodSeconds": .integer(
                "Seconds from SIGTERM to SIGKILL, at least: the time that saving a checkpoint and its upload take. Attempts get more once these were measured to take longer.",
                format: .int64
            ).range(5...3600).default(120),
            "imagePullSecrets": SharedSchema.pullSecrets,
        ], required: ["image"])

    private static let checkpoint = Schema.object(
        "Intervals of checkpoints, and the number that is kept in S3. Every 100 steps if neither interval is given.",
        [
            "everySteps": .integer("Optimiser steps between two checkpoints.", format: .int32).range(
                1...100_000_000),
            "everySeconds": .integer("Seconds between two checkpoints.", format: .int32).range(1...86_400),
            "keepLast": .integer("Newest checkpoints that are kept in S3.", format: .int32).range(1...1000)
                .default(3),
            "keepBest": .integer(
                "Best checkpoints that are kept besides, by validation loss.", format: .int32
            )
            .range(0...1000).default(1),
        ]
    ).rule(
        "!(has(self.everySteps) && has(self.everySeconds))",
        message: "set everySteps or everySeconds, not both")

    private static let continueFrom = Schema.object(
        "A finished run of the namespace whose results this one takes over.",
        [
            "trainingJob": SharedSchema.objectName("Name of the TrainingJob, in the run's namespace."),
            "checkpoint": .string(
                "Checkpoint that training goes on from, also where the run has a finished model: Newest or Best. The "
                    + "finished model is taken over if there is one and this is absent, and if hyperparameters.epochs "
                    + "and maxSteps are what they were."
            ).oneOf("Newest", "Best"),
        ], required: ["trainingJob"])

    private static let limits: [String: Schema] = [
        "totalDeadlineSeconds": .integer(
            "Seconds until the model is trained; time queued and suspended left out. Two days, or a day more than "
                + "activeDeadlineSeconds if that is longer, if absent.", format: .int64
        ).range(1...7_776_000),
        "completionDeadlineSeconds": .integer(
            "Seconds from the end of training for upload, evaluation and registration, which wait that long for "
                + "what does not answer or refuses them; time queued and suspended left out.", format: .int64
        ).range(1...7_776_000).default(86_400),
        "startupTimeoutSeconds": .integer(
            "Seconds that a trainer may take until its first sign of life.", format: .int64
        ).range(10...86_400).default(1800),
    ]

    private static let workspace = Schema.object(
        "The volume that the stages share.",
        [
            "size": SharedSchema.quantity(
                "Room for data, base model, local checkpoints and output, a quantity."
            )
            .default("20Gi"),
            "storageClassName": SharedSchema.objectName("StorageClass; the cluster's default if absent."),
            "accessMode": .string("Access mode of the volume; ReadWriteMany for runs of several nodes.")
                .oneOf("ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod").default("ReadWriteOnce"),
            "ephemeral": .boolean(
                "Whether the training pod has a generic ephemeral volume of its own, which is filled in the pod, "
                    + "instead of one that all stages share: for storage that is local to a node. For runs of one node."
            ).default(false),
            "retention": .string(
                "Life of the volume: Delete it when the run has finished and all that it holds is in S3, DeleteAlways "
                    + "when the run has finished, or Retain it while the TrainingJob exists."
            ).oneOf("Delete", "DeleteAlways", "Retain").default("Delete"),
        ])

    private static let evaluation: Schema = {
        var schema = Schema.object(
            "Judgement of the model: suites and thresholds. No evaluation, and no gate, if absent.",
            [
                "evaluator": EvaluationSchema.evaluator,
                "suites": EvaluationSchema.suites,
                "thresholds": EvaluationSchema.thresholds,
            ], required: ["evaluator", "suites"])
        schema.validations = [EvaluationSchema.thresholdsNameSuites]
        return schema
    }()

    private static let registration = Schema.object(
        "The model's entry in MLflow. Not registered if absent.",
        [
            "modelName": SharedSchema.line("Name of the registered model.", maximum: 256)
                .rule(
                    "self.matches('[^ ]') && !self.contains('/') && !self.contains(':') && self != '.' && "
                        + "!self.startsWith('..')",
                    message:
                        "must be a name that MLflow accepts: not blank, without '/' and ':', not '.', and not "
                        + "beginning with '..'"),
            "trackingUri": SharedSchema.httpUri("Address of MLflow, such as `http://mlflow.ml:5000`."),
            "experiment": SharedSchema.line("MLflow experiment; the namespace if absent.", maximum: 500),
            "credentialsSecretName": SharedSchema.secretName(
                "A Secret of this namespace with username and password, or token; and allowedHosts, hosts that it "
                    + "may be sent to, of which trackingUri's must be one."),
            "codeCommit": SharedSchema.line("Commit of the training code, for the lineage.", maximum: 128),
            "tags": SharedSchema.parameters("Tags of the model version, besides the lineage."),
        ], required: ["modelName", "trackingUri"])

    private static let rules: [Schema.Rule] = [
        Schema.Rule(
            "!(self.method in ['reward', 'dpo']) || self.dataset.format == 'preference'",
            message: "methods reward and dpo need preference records: {prompt, chosen, rejected}",
            fieldPath: ".dataset.format"),
        Schema.Rule(
            "self.method != 'full' || !has(self.hyperparameters) || "
                + "!(has(self.hyperparameters.loraRank) || has(self.hyperparameters.loraAlpha) || "
                + "has(self.hyperparameters.loraDropout) || has(self.hyperparameters.loraTargetModules))",
            message:
                "method full trains no adapter: remove the lora hyperparameters, or use method: lora",
            reason: "FieldValueForbidden", fieldPath: ".hyperparameters"),
        Schema.Rule(
            "self.method != 'qlora' || !has(self.trainer.resourcesPerNode) || "
                + "!has(self.trainer.resourcesPerNode.gpus) || self.trainer.resourcesPerNode.gpus > 0",
            message: "method qlora needs GPUs: set trainer.resourcesPerNode.gpus, or use method: lora"),
        Schema.Rule(
            "!has(self.workspace) || !has(self.workspace.ephemeral) || !self.workspace.ephemeral || "
                + "!has(self.trainer.numNodes) || self.trainer.numNodes <= 1",
            message:
                "an ephemeral workspace is of one pod: set trainer.numNodes to 1, or workspace.ephemeral to false",
            fieldPath: ".workspace.ephemeral"),
        Schema.Rule(
            "!has(self.workspace) || !has(self.workspace.ephemeral) || !self.workspace.ephemeral || "
                + "!has(self.continueFrom)",
            message:
                "a run that continues another may take its volume over, which all stages share: set workspace.ephemeral "
                + "to false", fieldPath: ".workspace.ephemeral"),
        Schema.Rule(
            "!has(self.trainer.numNodes) || self.trainer.numNodes <= 1 || "
                + "(has(self.workspace) && has(self.workspace.accessMode) && self.workspace.accessMode == 'ReadWriteMany')",
            message:
                "a run of several nodes needs workspace.accessMode: ReadWriteMany, as all share the volume"
        ),
        Schema.Rule(
            "!has(self.placement) || !has(self.placement.pool) || self.placement.pool != 'development' || "
                + "(has(self.trainer.numNodes) ? self.trainer.numNodes : 1) * "
                + "(has(self.trainer.resourcesPerNode) && has(self.trainer.resourcesPerNode.gpus) ? "
                + "self.trainer.resourcesPerNode.gpus : 1) <= 2",
            message: "the development pool gives a run at most 2 GPUs; use pool: production for more"),
    ]
}
