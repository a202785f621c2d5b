import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning

/// Reads what an EvalRun's plan depends on from the caches; writes nothing.
struct EvalRunGatherer: Sendable {
    let caches: ClusterCaches
    let settings: PlannerSettings
    private let validSpecs = ValidSpecs<EvalRunSpec>()

    func observe(_ run: EvalRun, now: Timestamp) -> EvalRunObservation {
        var observation = EvalRunObservation(run: run, now: now, settings: settings)
        let uid = run.metadata.uid ?? ""
        observation.pods = caches.pods.store.byOwner(uid)
        if (run.status?.phase ?? .pending) == .pending {
            observation.specErrors = validSpecs.errors(of: run.spec) { SpecValidation.errors(of: run) }
        }
        return observation
    }
}
