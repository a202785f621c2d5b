import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning
import Scheduling

/// Reads what an EvalRun's plan depends on from the caches; writes nothing.
struct EvalRunGatherer: Sendable {
    let caches: ClusterCaches
    let capacity: CapacityView
    let settings: PlannerSettings
    private let validSpecs = ValidSpecs<EvalRunSpec>()

    func observe(_ run: EvalRun, now: Timestamp) -> EvalRunObservation {
        var observation = EvalRunObservation(run: run, now: now, settings: settings)
        let uid = run.metadata.uid ?? ""
        observation.pods = caches.pods.store.byOwner(uid)
        switch run.status?.phase ?? .pending {
        case .pending:
            observation.specErrors = validSpecs.errors(of: run.spec) { SpecValidation.errors(of: run) }
        case .queued:
            guard EvalRunPlanner.needsCapacity(run) else { break }
            let gang = EvalRunPlanner.gang(of: run, settings: settings)
            observation.capacity = capacity.answer(for: gang, uid: uid, now: now)
        case .evaluating:
            if observation.pods.contains(where: { $0.spec?.nodeName != nil }) {
                capacity.gate.release(uid: uid)
            }
        case .suspended, .passed, .failed, .error:
            capacity.gate.release(uid: uid)
        }
        return observation
    }
}
