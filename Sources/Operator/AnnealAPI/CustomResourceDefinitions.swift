import KubernetesAPI
import StructuralSchema

/// A kind of Anneal's, as `crdgen` writes it and a cluster is told of it.
public struct CustomResourceDefinition: Sendable {
    /// A column of `kubectl get`.
    public struct Column: Sendable {
        /// Heading of the column.
        public var name: String
        /// OpenAPI type of the value: `string`, `integer`, `number` or `date`.
        public var type: String
        /// Path of the value in the object, as `.status.phase`.
        public var jsonPath: String
        /// Explanation of the column, for people.
        public var description: String
        /// Whether the column is always shown (0) or only with `-o wide` (1).
        public var priority: Int
    }

    /// Group, version, kind and plural.
    public var resourceType: ResourceType
    /// Name of one object, in lower case.
    public var singular: String
    /// Short names for `kubectl`.
    public var shortNames: [String]
    /// Columns of `kubectl get`, in order.
    public var columns: [Column]
    /// Schema of the only version.
    public var schema: Schema

    /// Name of the object, `plural.group`.
    public var name: String { "\(resourceType.plural).\(resourceType.group)" }

    /// Every kind of Anneal's.
    public static let all: [CustomResourceDefinition] = [trainingJob, evalRun]

    /// The definition of TrainingJobs.
    public static let trainingJob = CustomResourceDefinition(
        resourceType: TrainingJob.resourceType, singular: "trainingjob", shortNames: ["tj"],
        columns: [
            Column("Phase", ".status.phase", "Where the run is"),
            Column("Progress", ".status.progressPercent", "Steps done"),
            Column("Loss", ".status.progress.loss", "Training loss", type: "number"),
            Column("GPUs", ".status.gpus", "GPUs held or asked for", type: "integer"),
            Column("GPU-h", ".status.gpuHours", "GPU-hours used"),
            Column("Method", ".spec.method", "How it trains", priority: 1),
            Column(
                "Attempt", ".status.trainingAttempts", "Attempts of training", type: "integer", priority: 1),
            Column("Model", ".status.registeredModel.version", "Version in the registry", priority: 1),
            Column("Reason", ".status.reason", "Why the phase is what it is", priority: 1),
            Column.age,
        ], schema: TrainingJobSchema.root)

    /// The definition of EvalRuns.
    public static let evalRun = CustomResourceDefinition(
        resourceType: EvalRun.resourceType, singular: "evalrun", shortNames: ["er"],
        columns: [
            Column("Phase", ".status.phase", "Where the evaluation is"),
            Column("Gate", ".status.gate", "Thresholds kept"),
            Column("GPUs", ".status.gpus", "GPUs held or asked for", type: "integer"),
            Column("Reason", ".status.reason", "Why the phase is what it is", priority: 1),
            Column.age,
        ], schema: EvalRunSchema.root)

    /// The definition as an `apiextensions.k8s.io/v1` object.
    public var manifest: JSONValue {
        [
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": ["name": .string(name)],
            "spec": [
                "group": .string(resourceType.group),
                "scope": resourceType.isNamespaced ? "Namespaced" : "Cluster",
                "names": [
                    "kind": .string(resourceType.kind),
                    "listKind": .string("\(resourceType.kind)List"),
                    "plural": .string(resourceType.plural),
                    "singular": .string(singular),
                    "shortNames": .array(shortNames.map(JSONValue.string)),
                    "categories": ["anneal"],
                ],
                "versions": [
                    [
                        "name": .string(resourceType.version),
                        "served": true,
                        "storage": true,
                        "schema": ["openAPIV3Schema": schema.json],
                        "subresources": ["status": [:]],
                        "additionalPrinterColumns": .array(columns.map(\.manifest)),
                    ]
                ],
            ],
        ]
    }
}

extension CustomResourceDefinition.Column {
    static let age = Self("Age", ".metadata.creationTimestamp", "Time since creation", type: "date")

    init(
        _ name: String, _ jsonPath: String, _ description: String, type: String = "string", priority: Int = 0
    ) {
        self.init(
            name: name, type: type, jsonPath: jsonPath, description: description, priority: priority)
    }

    var manifest: JSONValue {
        var value: JSONValue = [
            "name": .string(name), "type": .string(type), "jsonPath": .string(jsonPath),
            "description": .string(description),
        ]
        if priority > 0 { value["priority"] = .integer(Int64(priority)) }
        return value
    }
}
