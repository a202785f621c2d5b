import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import ServiceLifecycle

/// The keys that wait for the controllers. They outlive a term: what changed while another process led waits
/// here.
struct OperatorQueues: Sendable {
    let trainingJobs = WorkQueue<ObjectKey>()
    let evalRuns = WorkQueue<ObjectKey>()
    let rounds = AdmissionRounds()

    var named: [(name: String, queue: WorkQueue<ObjectKey>)] {
        [("trainingjob", trainingJobs), ("evalrun", evalRuns)]
    }
}

/// What only the process that leads does, from when it begins to lead until it does so no more.
struct LeaderTerm: ServiceLifecycle.Service {
    /// Writes only while this process leads.
    let client: KubernetesClient
    let caches: ClusterCaches
    let queues: OperatorQueues
    let events: EventRecorder
    let configuration: OperatorConfiguration
    let metrics: OperatorMetrics
    /// What else the leader does.
    let others: [any ServiceLifecycle.Service]
    let logger: Logger
    let now: @Sendable () -> Timestamp

    func run() async throws {
        // Whatever an earlier term left half done, here or elsewhere, is looked at again.
        caches.trainingJobs.store.keys.forEach(queues.trainingJobs.add)
        caches.evalRuns.store.keys.forEach(queues.evalRuns.add)
        queues.rounds.ask()
        // Ended in the opposite order: controllers first, then what they had to say is written.
        let group = ServiceGroup(services: [events] + others + controllers(), logger: logger)
        try await group.run()
    }

    private func controllers() -> [any ServiceLifecycle.Service] {
        let applier = PlanApplier(client: client, events: events, caches: caches)
        let jobs = TrainingJobGatherer(caches: caches, settings: configuration.planner)
        let runs = EvalRunGatherer(caches: caches, settings: configuration.planner)
        let reconcileJob = RunReconciler<TrainingJob>(
            informer: caches.trainingJobs,
            plan: { TrainingJobPlanner.plan(jobs.observe($0, now: $1)) },
            applier: applier, metrics: metrics, now: now, logger: logger
        ).reconcile
        let reconcileRun = RunReconciler<EvalRun>(
            informer: caches.evalRuns,
            plan: { EvalRunPlanner.plan(runs.observe($0, now: $1)) },
            applier: applier, metrics: metrics, now: now, logger: logger
        ).reconcile
        let scheduler = AdmissionScheduler(
            caches: caches, queues: queues, applier: applier, settings: configuration.planner,
            identity: configuration.identity, now: now)
        return [
            Controller(
                name: "admission", queue: queues.rounds.queue, workers: 1, logger: logger,
                observer: metrics.observe,
                waitUntilReady: caches.waitUntilSynced, reconcile: scheduler.round),
            Controller(
                name: "trainingjob", queue: queues.trainingJobs, workers: configuration.workers,
                logger: logger, observer: metrics.observe, waitUntilReady: caches.waitUntilSynced,
                reconcile: reconcileJob),
            Controller(
                name: "evalrun", queue: queues.evalRuns, workers: configuration.workers, logger: logger,
                observer: metrics.observe, waitUntilReady: caches.waitUntilSynced, reconcile: reconcileRun),
        ]
    }
}
