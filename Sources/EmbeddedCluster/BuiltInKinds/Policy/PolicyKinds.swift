import APIServer
import KubernetesAPI
import StructuralSchema

/// `PriorityClass` and `PodDisruptionBudget`.
enum PolicyKinds {
    static let priorityClass = ResourceDefinition(
        type: ResourceType(
            group: "scheduling.k8s.io", version: "v1", kind: "PriorityClass", plural: "priorityclasses",
            isNamespaced: false),
        shortNames: ["pc"],
        schema: .resource(
            "A name for a priority.",
            [
                "value": .int32("The priority; more is more important."),
                "globalDefault": .boolean("Whether pods without a class get this one."),
                "description": .string("When to use it."),
                "preemptionPolicy": .string("PreemptLowerPriority or Never.")
                    .oneOf("Never", "PreemptLowerPriority").default("PreemptLowerPriority"),
            ], required: ["value"]),
        columns: [
            PrinterColumn(
                "Value", type: "integer", description: "The priority.", source: Cells.number(["value"])),
            PrinterColumn(
                "Global-Default", type: "boolean", description: "Whether it is the default.",
                source: .computed { object, _ in .bool(object["globalDefault"] == true) }),
            .age,
            PrinterColumn(
                "PreemptionPolicy", description: "Whether others give way.",
                source: Cells.text(["preemptionPolicy"])),
        ], hasGeneration: true, strategy: PriorityClassStrategy())

    static let disruptionBudget = ResourceDefinition(
        type: ResourceType(
            group: "policy", version: "v1", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets"),
        shortNames: ["pdb"],
        schema: .resource(
            "How many pods may be missing at once by somebody's will. Stored, and enforced by nothing here.",
            [
                "spec": .object(
                    "The budget.",
                    [
                        "minAvailable": .intOrString("Pods that must be there, or a share."),
                        "maxUnavailable": .intOrString("Pods that may be missing, or a share."),
                        "selector": .labelSelector.description("The pods."),
                        "unhealthyPodEvictionPolicy": .string("IfHealthyBudget or AlwaysAllow."),
                    ]),
                "status": .object(
                    "What is left; set by the system.",
                    [
                        "observedGeneration": .int64("The generation that the status speaks of."),
                        "disruptionsAllowed": .int32("Pods that may go now.").default(0),
                        "currentHealthy": .int32("Pods that are healthy.").default(0),
                        "desiredHealthy": .int32("Pods that should be.").default(0),
                        "expectedPods": .int32("Pods that count.").default(0),
                        "disruptedPods": .map("Pods that are going.", of: .timestamp("Since when.")),
                        "conditions": .listMap("Observations.", keys: ["type"], of: .metaCondition),
                    ]),
            ]),
        columns: [
            PrinterColumn(
                "Min Available", description: "Pods that must be there.", source: bound("minAvailable")),
            PrinterColumn(
                "Max Unavailable", description: "Pods that may be missing.", source: bound("maxUnavailable")),
            PrinterColumn(
                "Allowed Disruptions", type: "integer", description: "Pods that may go now.",
                source: Cells.number(["status", "disruptionsAllowed"])),
            .age,
        ], subresources: [.status], hasGeneration: true, strategy: DisruptionBudgetStrategy())

    private static func bound(_ field: String) -> PrinterColumn.Source {
        .computed { budget, _ in
            guard let value = budget[path: ["spec", field]] else { return "N/A" }
            return .string(value.stringValue ?? value.text)
        }
    }
}

struct PriorityClassStrategy: ResourceStrategy {
    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        let name = object[path: ["metadata", "name"]]?.stringValue ?? ""
        guard !name.hasPrefix("system-") else {
            return [
                .forbidden(
                    "metadata.name",
                    "priority class names with 'system-' prefix are reserved for system use only")
            ]
        }
        guard let value = object["value"]?.integerValue, value > 1_000_000_000 else { return [] }
        return [
            .forbidden(
                "value", "maximum allowed value of a user defined priority is 1000000000")
        ]
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        guard object["value"] != old["value"] else { return [] }
        return [.forbidden("value", "may not be changed in an update.")]
    }
}

struct DisruptionBudgetStrategy: ResourceStrategy {
    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        guard spec["minAvailable"] != nil, spec["maxUnavailable"] != nil else { return [] }
        return [
            .invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
        ]
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] { validateCreate(object, context) }
}
