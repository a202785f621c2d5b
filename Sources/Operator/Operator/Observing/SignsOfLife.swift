import KubernetesAPI
import Planning
import Synchronization

/// Times at which this process saw trainers' last signs of life come, as a leader elector sees renewals: by its
/// own clock, so that a node's clock does not matter. A leader's term begins with none, and a process that loses
/// its API server loses its term: silence counts from its return.
final class SignsOfLife: Sendable {
    /// All in which a sign of life shows.
    private struct Sign: Equatable {
        /// Resource versions would do as well, but for writers that say nothing about the trainer.
        var renewals: [String: MicroTime]
        var starts: [String: Timestamp]
    }

    private struct Sighting {
        var sign: Sign
        var seenAt: Timestamp
    }

    private let sightings = Mutex<[String: Sighting]>([:])

    /// Time at which the newest sign of the run's trainers was first seen; nil while none runs.
    func lastSeen(
        of run: some KubernetesResource, _ leases: [Lease], _ pods: [Pod], _ now: Timestamp
    ) -> Timestamp? {
        guard let uid = run.metadata.uid else { return nil }
        let starts = pods.flatMap { pod in
            (pod.status?.containerStatuses ?? []).compactMap { status in
                status.state?.running.map {
                    ("\(pod.metadata.uid ?? "")/\(status.name)", $0.startedAt ?? Timestamp(seconds: 0))
                }
            }
        }
        return sightings.withLock { sightings in
            guard !starts.isEmpty else {
                sightings[uid] = nil
                return nil
            }
            let renewals = leases.compactMap { lease in
                lease.spec?.renewTime.map { (lease.metadata.uid ?? lease.name, $0) }
            }
            let sign = Sign(
                renewals: Dictionary(renewals) { _, last in last },
                starts: Dictionary(starts) { _, last in last })
            if let known = sightings[uid], known.sign == sign { return known.seenAt }
            sightings[uid] = Sighting(sign: sign, seenAt: now)
            return now
        }
    }
}

extension ClusterCaches {
    /// Those of the nodes that are not there.
    func goneNodes(among names: [String]) -> Set<String> {
        guard nodes.hasSynced else { return [] }
        return Set(names.filter { nodes.store.get(ObjectKey(namespace: "", name: $0)) == nil })
    }

    /// Nodes of the pods that are gone or not ready.
    func lostNodes(among pods: [Pod]) -> LostNodes {
        var lost = LostNodes()
        for pod in pods where pod.status?.phase != "Succeeded" {
            guard let name = pod.spec?.nodeName, !name.isEmpty, nodes.hasSynced else { continue }
            guard let node = nodes.store.get(ObjectKey(namespace: "", name: name)) else {
                lost.since[name] = Timestamp(seconds: 0)
                continue
            }
            let ready = node.status?.conditions?.first { $0.type == "Ready" }
            guard let ready, ready.status != .true else { continue }
            lost.since[name] = ready.lastTransitionTime ?? Timestamp(seconds: 0)
        }
        return lost
    }
}
