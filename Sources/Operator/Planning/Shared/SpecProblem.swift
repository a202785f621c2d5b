import AnnealAPI
import KubernetesAPI

/// Problems of a spec because of which no child can be made: those that an object from an older release may
/// have, whose schema let them pass, and those that the schema can't say.
public enum SpecProblem {
    public static func first(in spec: TrainingJobSpec) -> FieldError? {
        let uris = [
            ("spec.model.storageUri", spec.model.storageUri),
            ("spec.dataset.storageUri", spec.dataset.storageUri),
            ("spec.artifacts.storageUri", spec.artifacts.storageUri),
        ]
        if let error = uris.lazy.compactMap({ storageUri($0, $1) }).first { return error }
        return range("spec.trainer.numNodes", spec.trainer.numNodes, 1...256)
            ?? range("spec.trainer.numProcPerNode", spec.trainer.numProcPerNode, 1...64)
            ?? resources("spec.trainer.resourcesPerNode", spec.trainer.resourcesPerNode)
            ?? quantity("spec.trainer.shmSize", spec.trainer.shmSize)
            ?? quantity("spec.workspace.size", spec.workspace?.size)
            ?? name("spec.trainer.image", spec.trainer.image)
            ?? sources("spec.trainer.env", spec.trainer.env)
            ?? secrets(spec.namedSecrets)
            ?? evaluation(spec.evaluation)
            ?? parameters(spec)
    }

    private static func parameters(_ spec: TrainingJobSpec) -> FieldError? {
        size(
            "spec.hyperparameters.parameters", spec.hyperparameters?.parameters,
            besides: spec.registration?.tags)
    }

    public static func first(in spec: EvalRunSpec) -> FieldError? {
        storageUri("spec.model.storageUri", spec.model.storageUri)
            ?? spec.baseModel.flatMap { storageUri("spec.baseModel.storageUri", $0.storageUri) }
            ?? resources("spec.evaluator.resources", spec.evaluator?.resources)
            ?? sources("spec.evaluator.env", spec.evaluator?.env)
            ?? secrets(spec.namedSecrets)
            ?? suites("spec.suites", spec.suites, hasImage: spec.evaluator != nil)
            ?? thresholds("spec.thresholds", spec.thresholds)
    }

    private static func evaluation(_ policy: EvaluationPolicy?) -> FieldError? {
        guard let policy else { return nil }
        return resources("spec.evaluation.evaluator.resources", policy.evaluator.resources)
            ?? sources("spec.evaluation.evaluator.env", policy.evaluator.env)
            ?? suites("spec.evaluation.suites", policy.suites, hasImage: true)
            ?? thresholds("spec.evaluation.thresholds", policy.thresholds)
    }

    private static func storageUri(_ field: String, _ uri: String) -> FieldError? {
        let bucket = uri.hasPrefix("s3://") ? uri.dropFirst(5).prefix { $0 != "/" } : ""
        return bucket.isEmpty
            ? .invalid(field, .string(uri), "must name a bucket, as s3://bucket/key does") : nil
    }

    private static func range(_ field: String, _ value: Int?, _ range: ClosedRange<Int>) -> FieldError? {
        guard let value, !range.contains(value) else { return nil }
        return .invalid(
            field, .integer(Int64(value)), "must be between \(range.lowerBound) and \(range.upperBound)")
    }

    /// A variable has one value, which comes from one place.
    private static func sources(_ field: String, _ variables: [EnvironmentVariable]?) -> FieldError? {
        for (index, variable) in (variables ?? []).enumerated() {
            let place = "\(field)[\(index)]"
            guard (variable.value == nil) != (variable.valueFrom == nil) else {
                return .invalid(place, .string(variable.name), "set exactly one of value and valueFrom")
            }
            guard let source = variable.valueFrom else { continue }
            let given = [
                source.secretKeyRef != nil, source.configMapKeyRef != nil, source.fieldRef != nil,
            ].count { $0 }
            guard given == 1 else {
                return .invalid(
                    "\(place).valueFrom", .string(variable.name),
                    "set exactly one of secretKeyRef, configMapKeyRef and fieldRef")
            }
        }
        return nil
    }

    /// A Secret is named, and is of the run's own namespace.
    private static func secrets(_ named: [NamedSecret]) -> FieldError? {
        named.lazy.compactMap { secret in
            secret.name.isEmpty || secret.name.contains("/")
                ? .invalid(
                    secret.field, .string(secret.name),
                    "must be the name of a Secret of the same namespace, without a namespace or a slash")
                : nil
        }.first
    }

    private static func quantity(_ field: String, _ written: WrittenQuantity?) -> FieldError? {
        guard let written else { return nil }
        if let quantity = written.quantity, quantity.milliunits > 0 { return nil }
        return .invalid(field, .string(written.text), "must be a quantity above 0, such as 500m, 2 or 1.5Gi")
    }

    private static func resources(_ field: String, _ resources: NodeResources?) -> FieldError? {
        range("\(field).gpus", resources?.gpus, 0...64)
            ?? quantity("\(field).cpu", resources?.cpu)
            ?? quantity("\(field).memory", resources?.memory)
            ?? quantity("\(field).ephemeralStorage", resources?.ephemeralStorage)
    }

    /// Bytes of parameters at most: pods carry their configuration in annotations, which Kubernetes bounds to
    /// 256 KiB in all; a quarter is left to the rest of it.
    private static let parameterBytes = 192 << 10

    private static func size(
        _ field: String, _ parameters: [String: String]?, besides tags: [String: String]? = nil
    ) -> FieldError? {
        let bytes = [parameters, tags].compactMap { $0 }.reduce(0) { sum, map in
            sum + JSONValue.object(map.mapValues(JSONValue.string)).serialized().count
        }
        guard bytes > parameterBytes else { return nil }
        let subject = tags == nil ? "they take" : "together with spec.registration.tags they take"
        return FieldError(
            code: .tooLong, field: field,
            message: "Too long: \(subject) \(bytes) bytes as JSON, and may take \(parameterBytes); "
                + "put long values into a file beside the dataset")
    }

    private static func name(_ field: String, _ text: String) -> FieldError? {
        text.isEmpty ? .required(field, "name the image") : nil
    }

    private static func suites(_ field: String, _ suites: [EvaluationSuite], hasImage: Bool) -> FieldError? {
        if suites.isEmpty { return .required(field, "name at least one suite") }
        var names: Set<String> = []
        for (index, suite) in suites.enumerated() {
            if suite.name.isEmpty { return .required("\(field)[\(index)].name", "name the suite") }
            if !names.insert(suite.name).inserted {
                return .duplicate("\(field)[\(index)].name", .string(suite.name))
            }
            if !hasImage, suite.image == nil {
                return .required("\(field)[\(index)].image", "name it here or in spec.evaluator")
            }
            if let error = size("\(field)[\(index)].parameters", suite.parameters) { return error }
        }
        return nil
    }

    private static func thresholds(_ field: String, _ thresholds: [Threshold]?) -> FieldError? {
        for (index, threshold) in (thresholds ?? []).enumerated() {
            let bounds = [threshold.min, threshold.max].compactMap { $0 }
            if bounds.isEmpty { return .required("\(field)[\(index)]", "give min, max or both") }
            if bounds.contains(where: { !$0.isFinite }) {
                return .invalid(
                    "\(field)[\(index)]", .string(threshold.metric), "bounds must be finite numbers")
            }
        }
        return nil
    }
}
