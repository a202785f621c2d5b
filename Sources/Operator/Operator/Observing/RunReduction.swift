import AnnealAPI
import KubernetesAPI

/// What a run is kept with in memory: of one that has ended, no more than its end depends on. There are
/// thousands of those, and few that go on.
enum RunReduction {
    /// kubectl's copy of the manifest, as large as the rest.
    private static let lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

    static let trainingJob: @Sendable (TrainingJob) -> TrainingJob = { job in
        var reduced = job
        reduced.metadata.annotations?[lastApplied] = nil
        guard job.status?.phase.isTerminal == true else { return reduced }
        reduced.spec.preprocessing = nil
        reduced.spec.hyperparameters = nil
        reduced.spec.evaluation = nil
        reduced.spec.registration = nil
        reduced.spec.storage = nil
        reduced.spec.trainer.command = nil
        reduced.spec.trainer.args = nil
        reduced.spec.trainer.env = nil
        return reduced
    }

    static let evalRun: @Sendable (EvalRun) -> EvalRun = { run in
        var reduced = run
        reduced.metadata.annotations?[lastApplied] = nil
        return reduced
    }
}
