import APIServer
import KubernetesAPI
import StructuralSchema

/// `apps/v1` `Deployment`: stored and shown. No controller here makes pods of it.
enum DeploymentKind {
    private static let schema = Schema.resource(
        "Pods that are kept running. In this cluster it is stored only: nothing makes pods of it.",
        [
            "spec": .object(
                "What the deployment should be.",
                [
                    "replicas": .int32("How many pods.").default(1), "selector": .labelSelector,
                    "template": PodSchema.template,
                    "strategy": .object(
                        "How pods are replaced.",
                        [
                            "type": .string("RollingUpdate or Recreate.").default("RollingUpdate"),
                            "rollingUpdate": .object(
                                "How many at once.",
                                [
                                    "maxSurge": .intOrString("Pods above the number."),
                                    "maxUnavailable": .intOrString("Pods below the number."),
                                ]),
                        ]
                    ).default([:]),
                    "minReadySeconds": .int32("Seconds that a pod must be ready to count."),
                    "revisionHistoryLimit": .int32("Former versions to keep.").default(10),
                    "progressDeadlineSeconds": .int32("Seconds until it is called stuck.").default(600),
                    "paused": .boolean("Whether changes wait."),
                ], required: ["selector"]),
            "status": .object(
                "What the deployment is; set by the system.",
                [
                    "observedGeneration": .int64("The generation that the status speaks of."),
                    "replicas": .int32("Pods."), "updatedReplicas": .int32("Pods of the newest version."),
                    "readyReplicas": .int32("Pods that are ready."),
                    "availableReplicas": .int32("Pods that were ready for long enough."),
                    "unavailableReplicas": .int32("Pods that are missing."),
                    "terminatingReplicas": .int32("Pods that are going."),
                    "collisionCount": .int32("Collisions of names."),
                    "conditions": .conditions(["lastUpdateTime": .timeOrNull("When it was last updated.")]),
                ]),
        ])

    static let definition = ResourceDefinition(
        type: ResourceType(group: "apps", version: "v1", kind: "Deployment", plural: "deployments"),
        shortNames: ["deploy"], categories: ["all"], schema: schema,
        columns: [
            PrinterColumn(
                "Ready", description: "Pods that are ready, and all.",
                source: .computed { object, _ in
                    let ready = object[path: ["status", "readyReplicas"]]?.integerValue ?? 0
                    return .string("\(ready)/\(object[path: ["spec", "replicas"]]?.integerValue ?? 0)")
                }),
            PrinterColumn(
                "Up-to-date", description: "Pods of the newest version.",
                source: .computed { object, _ in
                    .string(object[path: ["status", "updatedReplicas"]]?.text ?? "0")
                }),
            PrinterColumn(
                "Available", description: "Pods that were ready for long enough.",
                source: .computed { object, _ in
                    .string(object[path: ["status", "availableReplicas"]]?.text ?? "0")
                }),
            .age,
        ] + Cells.containers(at: ["spec", "template", "spec", "containers"]) + [Cells.selector],
        subresources: [.status], hasGeneration: true, strategy: DeploymentStrategy(schema: schema))
}

struct DeploymentStrategy: ResourceStrategy {
    let schema: Schema

    func applyDefaults(_ object: inout JSONValue) {
        QuantityNormalization.apply(schema, to: &object)
        if var pod = object[path: ["spec", "template", "spec"]], pod.objectValue != nil {
            PodDefaults.applyToSpec(&pod, isTemplate: true)
            object[path: ["spec", "template", "spec"]] = pod
        }
        if object[path: ["spec", "strategy", "type"]] == "RollingUpdate" {
            for field in ["maxSurge", "maxUnavailable"]
            where object[path: ["spec", "strategy", "rollingUpdate", field]] == nil {
                object[path: ["spec", "strategy", "rollingUpdate", field]] = "25%"
            }
        }
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors = FieldChecks.notNegative(spec, ["replicas", "minReadySeconds"], at: "spec")
        let wanted = spec[path: ["selector", "matchLabels"]]?.objectValue ?? [:]
        let labels = spec[path: ["template", "metadata", "labels"]]
        if !wanted.allSatisfy({ labels?[$0.key] == $0.value }) {
            errors.append(
                .invalid(
                    "spec.template.metadata.labels", labels ?? .null,
                    "`selector` does not match template `labels`"))
        }
        if let pod = spec[path: ["template", "spec"]] {
            errors += PodValidation.validate(spec: pod, at: "spec.template.spec")
            if let policy = pod["restartPolicy"], policy != "Always" {
                errors.append(
                    .notSupported("spec.template.spec.restartPolicy", policy, supported: ["Always"]))
            }
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        validateCreate(object, context) + FieldChecks.immutable(object, old: old, [["spec", "selector"]])
    }
}
