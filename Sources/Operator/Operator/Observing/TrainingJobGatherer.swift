import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning

/// Reads what a TrainingJob's plan depends on from the caches; writes nothing.
struct TrainingJobGatherer: Sendable {
    let caches: ClusterCaches
    let settings: PlannerSettings
    private let validSpecs = ValidSpecs<TrainingJobSpec>()

    func observe(_ job: TrainingJob, now: Timestamp) -> TrainingJobObservation {
        var observation = TrainingJobObservation(job: job, now: now, settings: settings)
        let uid = job.metadata.uid ?? ""
        observation.jobs = caches.jobs.store.byOwner(uid)
        // By label and not by owner: a Job's pods outlive its entry in the cache.
        observation.pods = caches.pods.store.byIndex(IndexName.run, uid)
        observation.claims = caches.claims.store.byOwner(uid)
        observation.services = caches.headlessServices.store.byOwner(uid)
        observation.leases = caches.leases.store.byOwner(uid)
        observation.evalRuns = caches.evalRuns.store.byOwner(uid)
        if (job.status?.phase ?? .pending) == .pending {
            observation.specErrors = validSpecs.errors(of: job.spec) { SpecValidation.errors(of: job) }
            observation.conflictingRun = conflictingRun(of: job)
        }
        return observation
    }

    /// The oldest other live run of the namespace with the same idempotency key, if it is older than this.
    private func conflictingRun(of job: TrainingJob) -> String? {
        guard let key = job.spec.idempotencyKey else { return nil }
        return caches.trainingJobs.store.byIndex(IndexName.idempotencyKey, "\(job.namespace)/\(key)")
            .filter { other in
                other.metadata.uid != job.metadata.uid && !(other.status?.phase.isTerminal ?? false)
                    && age(other) < age(job)
            }
            .min { age($0) < age($1) }?.name
    }

    /// Creation times have a precision of a second; the name decides between equals.
    private func age(_ job: TrainingJob) -> (Timestamp, String) {
        (job.metadata.creationTimestamp ?? Timestamp(seconds: 0), job.name)
    }
}
