import APIServer
import KubernetesAPI
import StructuralSchema

/// Behaviour of jobs beyond their schema.
struct JobStrategy: ResourceStrategy {
    private static let defaultBackoffLimit: JSONValue = 6

    func applyDefaults(_ object: inout JSONValue) {
        QuantityNormalization.apply(JobSchema.job, to: &object)
        guard var spec = object["spec"], spec.objectValue != nil else { return }
        // Completions default to 1, unless a parallelism other than 1 was chosen.
        if spec["completions"] == nil, spec["parallelism"] == nil || spec["parallelism"] == 1 {
            spec["completions"] = 1
        }
        if spec["backoffLimit"] == nil {
            spec["backoffLimit"] =
                spec["backoffLimitPerIndex"] == nil ? Self.defaultBackoffLimit : .integer(Int64(Int32.max))
        }
        if spec["podReplacementPolicy"] == nil {
            spec["podReplacementPolicy"] = spec["podFailurePolicy"] == nil ? "TerminatingOrFailed" : "Failed"
        }
        if var pod = spec[path: ["template", "spec"]], pod.objectValue != nil {
            PodDefaults.applyToSpec(&pod, isTemplate: true)
            spec[path: ["template", "spec"]] = pod
        }
        object["spec"] = spec
    }

    /// Labels the pods with the job's UID and selects by it, unless the selector was chosen by hand.
    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) {
        object["status"] = [:]
        guard object[path: ["spec", "manualSelector"]] != true,
            let uid = object[path: ["metadata", "uid"]], let name = object[path: ["metadata", "name"]]
        else { return }
        let labels: [String: JSONValue] = [
            "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name,
            "controller-uid": uid, "job-name": name,
        ]
        for (key, value) in labels {
            object[path: ["spec", "template", "metadata", "labels", key]] = value
        }
        object[path: ["spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"]] = uid
        // A job without labels of its own takes the template's.
        if object[path: ["metadata", "labels"]]?.objectValue?.isEmpty ?? true {
            object[path: ["metadata", "labels"]] = object[path: ["spec", "template", "metadata", "labels"]]
        }
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        JobValidation.validate(object["spec"] ?? [:])
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        JobValidation.validate(object["spec"] ?? [:]) + JobValidation.validateUpdate(object, old: old)
    }

    /// The core of `batch/v1` keeps orphaning by default; `kubectl` asks for the background.
    var defaultPropagation: PropagationPolicy { .orphan }

    func warnings(for object: JSONValue, old: JSONValue?) -> [String] {
        guard old == nil,
            object[path: ["metadata", "name"]]?.stringValue.map({ !NameValidation.isLabel($0) }) == true
        else { return [] }
        return [
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior;"
                + " a DNS label is recommended: [\(NameValidation.label)]"
        ]
    }
}

enum JobValidation {
    static func validate(_ spec: JSONValue) -> [FieldError] {
        var errors = FieldChecks.notNegative(
            spec,
            [
                "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                "ttlSecondsAfterFinished",
                "backoffLimitPerIndex", "maxFailedIndexes",
            ], at: "spec")
        if spec["completionMode"] == "Indexed", spec["completions"] == nil {
            errors.append(
                .required("spec.completions", "when completion mode is Indexed"))
        }
        let template = spec["template"] ?? [:]
        let pod = template["spec"] ?? [:]
        if template["spec"] != nil {
            errors += PodValidation.validate(spec: pod, at: "spec.template.spec")
        }
        errors += MetadataValidation.labels(
            template[path: ["metadata", "labels"]], at: "spec.template.labels")
        if pod["restartPolicy"] == "Always" || pod["restartPolicy"] == nil {
            errors.append(
                .required("spec.template.spec.restartPolicy", #"valid values: "OnFailure", "Never""#))
        }
        if spec["podFailurePolicy"] != nil, pod["restartPolicy"] == "OnFailure" {
            errors.append(
                .invalid(
                    "spec.template.spec.restartPolicy", "OnFailure",
                    "only \"Never\" is supported when podFailurePolicy is specified"))
        }
        return errors
    }

    static func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
        var errors = FieldChecks.immutable(
            object, old: old,
            [
                ["spec", "completionMode"], ["spec", "podFailurePolicy"], ["spec", "backoffLimitPerIndex"],
                ["spec", "managedBy"], ["spec", "successPolicy"], ["spec", "selector"],
            ])
        if old[path: ["spec", "completionMode"]] != "Indexed" {
            errors += FieldChecks.immutable(object, old: old, [["spec", "completions"]])
        }
        let new = object[path: ["spec", "template"]] ?? .null
        if changeable(removedFrom: new, old)
            != changeable(removedFrom: old[path: ["spec", "template"]] ?? .null, old)
        {
            errors.append(.invalid("spec.template", new, "field is immutable"))
        }
        return errors
    }

    /// While a job is suspended and has not started, its pods may still be given another place.
    private static func changeable(removedFrom template: JSONValue, _ old: JSONValue) -> JSONValue {
        guard old[path: ["spec", "suspend"]] == true, old[path: ["status", "startTime"]] == nil else {
            return template
        }
        var rest = template
        for field in ["nodeSelector", "affinity", "tolerations", "schedulingGates"] {
            rest[path: ["spec", field]] = nil
        }
        for field in ["labels", "annotations"] { rest[path: ["metadata", field]] = nil }
        for list in ["containers", "initContainers"] {
            guard var containers = rest[path: ["spec", list]]?.arrayValue else { continue }
            for index in containers.indices { containers[index]["resources"] = nil }
            rest[path: ["spec", list]] = .array(containers)
        }
        return rest
    }
}
