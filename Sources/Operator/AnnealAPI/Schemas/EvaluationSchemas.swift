import KubernetesAPI
import StructuralSchema

enum EvaluationSchema {
    static let evaluator = Schema.object(
        "The program that evaluates.",
        [
            "image": SharedSchema.image.description("Image of the evaluator."),
            "command": SharedSchema.words("Replaces the image's entry point."),
            "args": SharedSchema.words("Arguments of the program."),
            "env": SharedSchema.environment(
                "Environment of the evaluator. A token comes from a Secret, by valueFrom."),
            "resources": SharedSchema.resources.description(
                "Resources of an evaluation pod. Requests equal limits."),
            "imagePullSecrets": SharedSchema.pullSecrets,
        ], required: ["image"])

    static let suites = Schema.listMap(
        "Suites that measure the model; they run in parallel.", keys: ["name"],
        of: .object(
            "One suite: records, and a way to measure a model with them.",
            [
                "name": .string("Name of the suite; its metrics are called <name>/<metric>.").length(1...40)
                    .rule(
                        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
                        message: "must be lower-case letters, digits and '-'"),
                "type": .string(
                    "Way of measuring: perplexity; exactMatch of greedy completions; tasks from a file of "
                        + "prompts with accepted answers; custom for the evaluator's own."
                ).oneOf("perplexity", "exactMatch", "tasks", "custom"),
                "data": SharedSchema.input(
                    "Records of the suite: one object in S3. The validation split, in a TrainingJob, if absent."
                ),
                "format": SharedSchema.datasetFormat.description(
                    "Format of the records; that of the dataset, in a TrainingJob, if absent."),
                "limit": .integer("Records at most; all if absent.", format: .int32).range(1...10_000_000),
                "maxNewTokens": .integer("Tokens generated at most, for a record.", format: .int32)
                    .range(1...131_072),
                "batchSize": .integer("Records at once.", format: .int32).range(1...65_536),
                "image": SharedSchema.image.description("Image of another evaluator for this suite."),
                "parameters": SharedSchema.parameters(
                    "Parameters that are passed on to the evaluator as strings."),
            ], required: ["name", "type"]
        ).rule(
            "self.type != 'tasks' || has(self.data)",
            message: "a tasks suite needs data: the task file in S3", reason: "FieldValueRequired",
            fieldPath: ".data"
        ).rule(
            "self.type != 'perplexity' || !has(self.maxNewTokens)",
            message: "perplexity generates nothing: remove maxNewTokens", reason: "FieldValueForbidden",
            fieldPath: ".maxNewTokens")
    ).minItems(1).maxItems(16)

    static let thresholds = Schema.listMap(
        "Bounds that decide the verdict. A metric that is missing or not a number fails.",
        keys: ["metric"],
        of: .object(
            "One bound that a metric must keep; at least one of min and max is set.",
            [
                "metric": .string("Name of the metric: <suite>/<metric>, such as quality/perplexity.").length(
                    3...256
                )
                .rule(
                    "self.matches('^[a-z0-9-]+/.+$')",
                    message: "must be <suite>/<metric>, such as quality/perplexity"),
                "min": .number("Lower bound: the metric must be at least this."),
                "max": .number("Upper bound: the metric must be at most this."),
            ], required: ["metric"]
        )
        .rule("has(self.min) || has(self.max)", message: "a threshold needs min, max or both")
        .rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            message: "min must not be above max: nothing could pass")
    ).maxItems(64)

    /// Every threshold speaks of a suite that there is.
    static let thresholdsNameSuites = Schema.Rule(
        "!has(self.thresholds) || self.thresholds.all(t, self.suites.exists(s, t.metric.startsWith(s.name + '/')))",
        message: "each threshold's metric must begin with the name of one of the suites and a slash",
        reason: "FieldValueInvalid", fieldPath: ".thresholds")
}
