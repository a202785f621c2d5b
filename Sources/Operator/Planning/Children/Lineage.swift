import AnnealAPI
import KubernetesAPI

/// Tags and params by which a registered model version says where it came from.
enum Lineage {
    /// Tags `anneal.dev/…`; what is not known is left out.
    static func tags(run: RunObject, spec: TrainingJobSpec, status: TrainingJobStatus) -> [String: String] {
        var tags: [String: String] = [:]
        tags["dataset"] = spec.dataset.storageUri
        tags["dataset-version"] = spec.dataset.version
        tags["dataset-sha256"] = status.dataset?.sha256 ?? spec.dataset.sha256
        tags["config-sha256"] = status.configSha256 ?? spec.configDigest
        tags["continued-from"] = status.continuedFrom.map { "\(run.namespace)/\($0.name)" }
        tags["continued-from-uid"] = status.continuedFrom?.uid
        tags["code-commit"] = spec.registration?.codeCommit
        tags["base-model"] = spec.model.storageUri
        tags["base-model-version"] = spec.model.version
        tags["base-model-sha256"] = status.dataset?.modelSha256 ?? spec.model.sha256
        tags["checkpoint-sha256"] = status.checkpoint?.manifestSha256
        tags["checkpoint-step"] = status.checkpoint.map { String($0.step) }
        tags["model-manifest-sha256"] = status.output?.manifestSha256
        tags["evaluation"] = status.evaluation?.name
        tags["evaluation-passed"] = status.evaluation?.passed.map(String.init)
        tags["run"] = "\(run.namespace)/\(run.name)"
        tags["run-uid"] = run.uid
        tags["created-by"] = run.createdBy
        return Dictionary(uniqueKeysWithValues: tags.map { ("\(Anneal.group)/\($0)", $1) })
    }

    /// Hyperparameters as MLflow params; the trainer's own too.
    static func params(_ spec: TrainingJobSpec) -> [String: String] {
        var params = spec.hyperparameters?.parameters ?? [:]
        params["method"] = spec.method.rawValue
        params["baseModel"] = spec.model.storageUri
        params["dataset"] = spec.dataset.storageUri
        guard let known = spec.hyperparameters, let json = try? JSONValue(encoding: known) else {
            return params
        }
        for (name, value) in json.objectValue ?? [:] where name != "parameters" {
            params[name] = value.stringValue ?? value.text
        }
        return params
    }

    static func metrics(_ status: TrainingJobStatus) -> [String: Double] {
        var metrics = status.evaluation?.metrics ?? [:]
        metrics["train/loss"] = status.progress?.loss
        metrics["train/evalLoss"] = status.progress?.evalLoss
        metrics["train/initialEvalLoss"] = status.progress?.initialEvalLoss
        metrics["train/steps"] = status.progress?.step.map(Double.init)
        metrics["gpuHours"] = Double(status.gpuSeconds ?? 0) / 3600
        return metrics.filter { $0.value.isFinite }
    }
}
