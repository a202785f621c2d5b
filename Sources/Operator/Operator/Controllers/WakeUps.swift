import AnnealAPI
import ControllerRuntime
import KubernetesAPI

/// Wakes the runs that a change in the caches concerns.
struct WakeUps: Sendable {
    let caches: ClusterCaches
    let kinds: [any ServedKind]
    let rounds: AdmissionRounds

    /// Begins to follow the caches. Must be called before the informers start, so that no change is missed.
    func install() {
        for kind in kinds {
            kind.follow { [self] child, gathering in wakeOwner(of: child, after: gathering) }
            kind.claims?.follow(rounds)
        }
        // Runs tell of themselves what concerns their owners.
        let own = Set(kinds.map(\.identifier))
        for informer in caches.ofRuns where !own.contains(informer.identifier) {
            informer.follow { [self] child in wakeOwner(of: child, after: .zero) }
        }
        caches.nodes.addHandler { [self] change in
            rounds.ask()
            wakeRuns(on: change)
        }
        caches.quotas.addHandler { [rounds] _ in rounds.ask() }
        caches.footprints.addHandler { [rounds] change in rounds.note(change) }
        caches.informer(Pod.self)?.addHandler { [rounds] change in rounds.note(change) }
    }

    /// Wakes the runs whose pods are on a node that came, went, or is ready or not any more.
    private func wakeRuns(on change: StoreChange<Node>) {
        if case .updated(let old, let new) = change, old.status?.conditions == new.status?.conditions {
            return
        }
        for pod in caches.informer(Pod.self)?.store.byIndex(IndexName.node, change.object.name) ?? [] {
            wakeOwner(of: pod, after: .zero)
        }
    }

    /// Wakes the run that the child works for.
    func wakeOwner(of child: any KubernetesResource, after delay: Duration) {
        guard let owner = child.metadata.controller else { return }
        let childType = type(of: child)
        for kind in kinds where kind.hasController && kind.children.contains(where: { $0 == childType }) {
            if owner.kind == kind.type.kind, owner.apiVersion == kind.type.apiVersion {
                let namespace = kind.type.isNamespaced ? child.namespace : ""
                return kind.queue.add(ObjectKey(namespace: namespace, name: owner.name), after: delay)
            }
        }
        // The owner of a Job's pod is the Job: the run is one step further up.
        guard owner.kind == Job.resourceType.kind, let uid = child.runUID else { return }
        for kind in kinds where kind.hasController { kind.wake(uid: uid) }
    }
}
