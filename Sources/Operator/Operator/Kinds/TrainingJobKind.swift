import AdmissionWebhook
import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning

extension Kind where Object == TrainingJob {
    static var trainingJob: Kind {
        var kind = Kind(
            firstPhase: TrainingJobPhase.pending.rawValue,
            children: [
                Job.self, Pod.self, PersistentVolumeClaim.self, Service.self, Lease.self, EvalRun.self,
            ],
            planner: { caches, settings in
                let validSpecs = ValidSpecs<TrainingJobSpec>()
                let signs = SignsOfLife()
                return { job, now in
                    var observation = observation(of: job, caches, validSpecs, settings, now)
                    let seen = signs.lastSeen(of: job, observation.leases, observation.pods, now)
                    caches.contact.listen(to: job.metadata.uid, seen != nil && job.status?.phase == .training)
                    // What was said while the API server was away could not be heard.
                    observation.signOfLifeSeen = seen.map { max($0, caches.contact.unbrokenSince(now)) }
                    observation.ownUIDs = caches.creations.of(job.metadata.uid)
                    observation.seals = caches.creations.seals
                    if job.status?.phase.isTerminal == true { caches.creations.forget(job.metadata.uid) }
                    return TrainingJobPlanner.plan(observation)
                }
            })
        kind.indexers[idempotencyKey] = { job in
            job.spec.idempotencyKey.map { ["\(job.namespace)/\($0)"] } ?? []
        }
        kind.reduction = { withoutSettledParts($0) }
        kind.claimsGPUs(TrainingJobPlanner.workload)
        kind.policy = { caches, settings in
            .trainingJob(
                settings: settings,
                liveRun: { namespace, key in
                    caches.informer(TrainingJob.self)?.store.byIndex(idempotencyKey, "\(namespace)/\(key)")
                        .first { $0.status?.phase.isTerminal != true }?.name
                },
                source: { job in source(of: job, caches) })
        }
        kind.figures = CheckpointAges.follow
        return kind
    }

    private static var idempotencyKey: String { "idempotencyKey" }

    private static func observation(
        of job: TrainingJob, _ caches: ClusterCaches, _ validSpecs: ValidSpecs<TrainingJobSpec>,
        _ settings: PlannerSettings, _ now: Timestamp
    ) -> TrainingJobObservation {
        var observation = TrainingJobObservation(run: job, now: now, settings: settings)
        let uid = job.metadata.uid ?? ""
        observation.jobs = caches.children(Job.self, of: uid)
        observation.pods = caches.children(Pod.self, of: uid)
        observation.lostNodes = caches.lostNodes(among: observation.pods)
        observation.starts = caches.startEvents.of(
            observation.pods, jobs: observation.jobs, now, settings)
        observation.zones = TrainingJobPlanner.zones(of: job, settings: settings) {
            caches.nodes.hasSynced ? caches.nodes.store.list() : []
        }
        observation.claims = caches.children(PersistentVolumeClaim.self, of: uid)
        observation.goneNodes = caches.goneNodes(among: observation.claims.compactMap(\.selectedNode))
        observation.services = caches.children(Service.self, of: uid)
        observation.leases = caches.children(Lease.self, of: uid)
        observation.evalRuns = caches.children(EvalRun.self, of: uid)
        if (job.status?.phase ?? .pending) == .pending {
            observation.specErrors = validSpecs.errors(of: job.spec) { SpecValidation.errors(of: job) }
            observation.conflictingRun = conflictingRun(of: job, caches)
            (observation.source, observation.sourceClaims) = source(of: job, caches)
        }
        return observation
    }

    /// The run that another continues, and the claims that it controls.
    private static func source(
        of job: TrainingJob, _ caches: ClusterCaches
    ) -> (TrainingJob?, [PersistentVolumeClaim]) {
        guard let name = job.spec.continueFrom?.trainingJob,
            let source = caches.informer(TrainingJob.self)?.store.get(
                ObjectKey(namespace: job.namespace, name: name)),
            let uid = source.metadata.uid
        else { return (nil, []) }
        let claims = caches.children(PersistentVolumeClaim.self, of: uid)
            .filter { $0.namespace == job.namespace && $0.metadata.controller?.uid == uid }
        return (source, claims)
    }

    /// Name of the oldest other live run of the namespace with the same idempotency key, if it is older than
    /// this.
    private static func conflictingRun(of job: TrainingJob, _ caches: ClusterCaches) -> String? {
        guard let key = job.spec.idempotencyKey, let runs = caches.informer(TrainingJob.self)?.store
        else { return nil }
        return runs.byIndex(idempotencyKey, "\(job.namespace)/\(key)")
            .filter { other in
                other.metadata.uid != job.metadata.uid && !(other.status?.phase.isTerminal ?? false)
                    && age(other) < age(job)
            }
            .min { age($0) < age($1) }?.name
    }

    /// Creation times have a precision of a second; the name decides between equals.
    private static func age(_ job: TrainingJob) -> (Timestamp, String) {
        (job.metadata.creationTimestamp ?? Timestamp(seconds: 0), job.name)
    }

    /// The run with no more than its end depends on, and a run that continues it, if it has ended. There are
    /// thousands of those, and few that go on.
    private static func withoutSettledParts(_ job: TrainingJob) -> TrainingJob {
        var reduced = reduced(job)
        guard job.status?.phase.isTerminal == true else { return reduced }
        reduced.spec.evaluation = nil
        reduced.spec.registration = nil
        reduced.spec.storage = nil
        reduced.spec.trainer.command = nil
        reduced.spec.trainer.args = nil
        reduced.spec.trainer.env = nil
        return reduced
    }
}

extension TrainingJob: ClaimingRun {
    var runPolicy: RunPolicy? { spec.runPolicy }
    var isQueued: Bool { status?.phase == .queued && status?.current?.notBefore == nil }
}

extension TrainingJobStatus: GPUHoldingStatus {
    var phaseName: String { phase.rawValue }
    var stageName: String { (current?.stage ?? phase).rawValue }
    var attemptNumber: Int? { current?.attempt }
    func endedStages(since before: TrainingJobStatus?) -> [String: Int64] {
        guard let old = before?.current else { return [:] }
        let end = stages?.first { $0.name == old.stage }?.finishedAt
        let wasOpen = before?.stages?.first { $0.name == old.stage }?.finishedAt == nil
        let isReplaced = current?.stage != old.stage || current?.attempt != old.attempt
        guard wasOpen, let time = end ?? (isReplaced ? current?.startedAt : nil) else { return [:] }
        return [old.stage.rawValue: max(0, time.seconds(since: old.notBefore ?? old.startedAt))]
    }
    var figures: [String: Double] {
        var figures: [String: Double] = [:]
        figures["step"] = progress?.step.map(Double.init)
        figures["loss"] = progress?.loss
        figures["evalLoss"] = progress?.evalLoss
        figures["checkpoint"] = checkpoint.map { Double($0.step) }
        return figures
    }
}
