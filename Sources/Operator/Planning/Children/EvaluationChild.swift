import AnnealAPI
import KubernetesAPI

/// The EvalRun that judges a TrainingJob's model.
struct EvaluationChild {
    var run: RunObject
    var spec: TrainingJobSpec
    var status: TrainingJobStatus
    var settings: PlannerSettings

    static func name(_ run: RunObject, attempt: Int) -> String {
        ChildName.make(run.name, "evaluate", String(attempt))
    }

    /// The EvalRun of an attempt; nil without an evaluation in the spec or before there is a model.
    func make(attempt: Int) -> EvalRun? {
        guard let policy = spec.evaluation, let output = status.output else { return nil }
        let model = StoredInput(storageUri: output.storageUri, sha256: output.manifestSha256)
        var child = EvalRunSpec(model: model, suites: policy.suites.map(withData))
        switch spec.method {
        case .lora, .qlora:
            child.baseModel = spec.model.validated(as: status.dataset)
        case .full, .reward, .dpo, .ppo: child.baseModel = nil
        }
        child.storage = spec.storage
        child.evaluator = policy.evaluator
        child.thresholds = policy.thresholds
        child.placement = spec.placement
        var runPolicy = RunPolicy()
        runPolicy.activeDeadlineSeconds = settings.evaluating.seconds
        runPolicy.backoffLimit = max(0, settings.evaluating.attempts - 1)
        child.runPolicy = runPolicy
        return EvalRun(
            metadata: run.metadata(
                name: Self.name(run, attempt: attempt), stage: "evaluate", attempt: attempt),
            spec: child)
    }

    /// A suite without data is measured on the run's own validation split.
    private func withData(_ suite: EvaluationSuite) -> EvaluationSuite {
        guard suite.type != .tasks else { return suite }
        let root = ArtifactLayout.root(artifacts: spec.artifacts.storageUri, uid: run.uid)
        var suite = suite
        suite.data =
            suite.data
            ?? StoredInput(
                storageUri: (status.dataset?.processedStorageUri ?? ArtifactLayout.data(root: root))
                    + "/validation.jsonl")
        suite.format = suite.format ?? spec.dataset.format
        return suite
    }
}

extension StoredInput {
    /// The base model as validation saw it: with its digest, and the folder in which its files are.
    func validated(as dataset: DatasetSummary?) -> StoredInput {
        var model = self
        model.storageUri = dataset?.modelStorageUri ?? model.storageUri
        model.sha256 = model.sha256 ?? dataset?.modelSha256
        return model
    }
}
