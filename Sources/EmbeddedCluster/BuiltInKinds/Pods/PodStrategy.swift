import APIServer
import KubernetesAPI
import Scheduling
import StructuralSchema

/// Behaviour of pods beyond their schema.
struct PodStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout JSONValue) {
        QuantityNormalization.apply(PodSchema.pod, to: &object)
        guard var spec = object["spec"], spec.objectValue != nil else { return }
        PodDefaults.applyToSpec(&spec, isTemplate: false)
        object["spec"] = spec
    }

    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) {
        guard var spec = object["spec"], spec.objectValue != nil else { return }
        PodDefaults.admit(&spec)
        object["spec"] = spec
        object["status"] = [
            "phase": "Pending", "qosClass": .string(PodDefaults.qualityOfService(spec)),
        ]
        let gates = spec["schedulingGates"]?.arrayValue ?? []
        if !gates.isEmpty {
            object[path: ["status", "conditions"]] = [
                [
                    "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                    "message": "Scheduling is blocked due to non-empty scheduling gates",
                    "lastProbeTime": .null, "lastTransitionTime": .null,
                ]
            ]
        }
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var errors = PodValidation.validate(spec: object["spec"] ?? [:], at: "spec")
        if let name = object[path: ["spec", "nodeName"]]?.stringValue, !name.isEmpty,
            object[path: ["spec", "schedulingGates"]]?.arrayValue?.isEmpty == false
        {
            errors.append(
                .forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        PodValidation.validate(spec: object["spec"] ?? [:], at: "spec")
            + PodUpdateValidation.validate(object, old: old)
    }

    func prepareForStatusUpdate(_ object: inout JSONValue, old: JSONValue, _ context: StrategyContext) {
        if object[path: ["status", "qosClass"]] == nil {
            object[path: ["status", "qosClass"]] = old[path: ["status", "qosClass"]]
        }
    }

    func gracePeriodSeconds(for object: JSONValue, requested: Int64?) -> Int64? {
        let configured = object[path: ["spec", "terminationGracePeriodSeconds"]]?.integerValue
        let period = requested ?? configured ?? 30
        let node = object[path: ["spec", "nodeName"]]?.stringValue ?? ""
        let isFinished = Pod.isFinished(phase: object[path: ["status", "phase"]]?.stringValue)
        // Nobody waits for a pod that no node runs.
        if node.isEmpty || isFinished { return 0 }
        return period < 0 ? 1 : period
    }
}
