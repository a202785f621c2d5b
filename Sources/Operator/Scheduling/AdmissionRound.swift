import KubernetesAPI

/// One decision about all runs that wait for GPUs, or hold some: a pure function of a snapshot.
///
/// Runs go in the order of priority and age; one that does not fit lets those behind it pass. What is
/// decided depends on the snapshot alone, so that a decision that was lost is made again.
public enum AdmissionRound {
    /// All that a decision depends on, at one moment.
    public struct Snapshot: Sendable {
        public var nodes: [Node]
        /// All pods of the cluster that have not ended. Those that no node has taken yet are placed first,
        /// where they fit: what a scheduler is about to give away is not free.
        public var pods: [PodFootprint]
        public var quotas: [ResourceQuota]
        public var workloads: [Workload]

        public init(
            nodes: [Node], pods: [PodFootprint], quotas: [ResourceQuota] = [], workloads: [Workload]
        ) {
            self.nodes = nodes
            self.pods = pods
            self.quotas = quotas
            self.workloads = workloads
        }
    }

    public enum Decision: Hashable, Sendable {
        /// The run may create so many pods.
        case admit(pods: Int)
        /// Cause for which the run waits, for people. It names no free amounts, which change with every pod.
        case wait(String)
        /// The admission has served its time.
        case release
    }

    /// The decisions, in the order in which they were made; runs that were let in before have none.
    public static func decide(_ snapshot: Snapshot) -> [(workload: Workload, decision: Decision)] {
        var capacity = ClusterCapacity(nodes: snapshot.nodes, pods: snapshot.pods)
        var quotas = QuotaRoom(snapshot.quotas)
        var decisions: [(workload: Workload, decision: Decision)] = []
        var waiting: [Workload] = []
        for workload in snapshot.workloads {
            switch workload.state {
            case .waiting: waiting.append(workload)
            case .admitted(let outstanding):
                capacity.hold(outstanding, of: workload.gang)
                quotas.take(outstanding, of: workload)
            case .released: decisions.append((workload, .release))
            }
        }
        for index in Workload.order(waiting) {
            decisions.append((waiting[index], decide(waiting[index], &capacity, &quotas)))
        }
        return decisions
    }

    private static func decide(
        _ workload: Workload, _ capacity: inout ClusterCapacity, _ quotas: inout QuotaRoom
    ) -> Decision {
        let gang = workload.gang
        let allowed = quotas.pods(for: workload, atMost: max(0, gang.count))
        guard allowed >= max(0, gang.minimum) else {
            return .wait(quotas.explanation(of: workload))
        }
        let index = capacity.index(of: gang)
        guard let placed = capacity.place(gangAt: index, atMost: allowed) else {
            return .wait(capacity.explanation(ofGangAt: index))
        }
        quotas.take(placed, of: workload)
        return .admit(pods: placed)
    }
}
