import AnnealAPI
import ControllerRuntime
import KubernetesAPI

/// Which runs a change in the caches concerns.
struct Triggers: Sendable {
    let caches: ClusterCaches
    let trainingJobs: WorkQueue<ObjectKey>
    let evalRuns: WorkQueue<ObjectKey>
    let rounds: AdmissionRounds

    /// Must be called before the informers start, so that no change is missed.
    func install() {
        // What a run's own pass wrote, it has seen.
        caches.trainingJobs.addHandler(ofAssumed: false) { [trainingJobs] change in
            trainingJobs.add(change.object.key)
        }
        caches.trainingJobs.addHandler { [rounds] change in rounds.note(change) }
        caches.evalRuns.addHandler { [self] change in
            evalRuns.add(change.object.key)
            rounds.note(change)
            enqueueOwner(of: change.object)
        }
        installChild(caches.jobs)
        installChild(caches.pods)
        installChild(caches.claims)
        installChild(caches.headlessServices)
        installChild(caches.leases)
        caches.nodes.addHandler { [rounds] _ in rounds.ask() }
        caches.quotas.addHandler { [rounds] _ in rounds.ask() }
        caches.footprints.addHandler { [rounds] change in rounds.note(change) }
    }

    private func installChild<R: KubernetesResource>(_ informer: Informer<R>) {
        informer.addHandler(ofAssumed: false) { [self] change in enqueueOwner(of: change.object) }
    }

    private func enqueueOwner<R: KubernetesResource>(of child: R) {
        guard let owner = child.metadata.controller else { return }
        let key = ObjectKey(namespace: child.namespace, name: owner.name)
        switch owner.kind {
        case TrainingJob.resourceType.kind: trainingJobs.add(key)
        case EvalRun.resourceType.kind: evalRuns.add(key)
        case Job.resourceType.kind:
            // A Job's pod: its run is one step further up.
            guard let uid = child.runUID else { return }
            for run in caches.trainingJobs.store.byIndex(IndexName.uid, uid) { trainingJobs.add(run.key) }
        default: break
        }
    }
}
