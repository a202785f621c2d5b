import KubernetesAPI

/// Equal pods that start together or not at all.
public struct GangRequest: Hashable, Sendable {
    /// Pods that are wanted.
    public var count: Int
    /// Fewest pods that are worth starting; as many as are wanted, unless the pods do not need each other.
    public var minimum: Int
    /// Amounts that one pod asks for, container by container.
    public var resources: PodResources
    /// Nodes that one pod may go to.
    public var demands: NodeDemands

    public init(
        count: Int, minimum: Int? = nil, resources: PodResources, nodeSelector: [String: String] = [:],
        tolerations: [Toleration] = []
    ) {
        self.count = count
        self.minimum = minimum ?? count
        self.resources = resources
        demands = NodeDemands(nodeSelector: nodeSelector, tolerations: tolerations)
    }
}

/// A run as the scheduler sees it: the pods that it asks for, and its claim to them.
public struct Workload: Hashable, Sendable {
    /// The run, of whatever kind.
    public struct Identity: Hashable, Sendable, Comparable {
        /// Kind of the run, such as `TrainingJob`.
        public var kind: String
        public var key: ObjectKey
        public var uid: String

        public init(kind: String, key: ObjectKey, uid: String) {
            self.kind = kind
            self.key = key
            self.uid = uid
        }

        public static func < (lhs: Identity, rhs: Identity) -> Bool {
            (lhs.key, lhs.kind, lhs.uid) < (rhs.key, rhs.kind, rhs.uid)
        }
    }

    /// Step of the run on its way in and out, as its status says.
    public enum State: Hashable, Sendable {
        /// Waits to be let in.
        case waiting
        /// Was let in. `outstanding` of its pods do not exist yet, and their room is kept.
        case admitted(outstanding: Int)
        /// The admitted attempt is over and nothing holds resources for it any more.
        case released
    }

    public var identity: Identity
    /// The attempt that waits for an admission, or has one; from 1.
    public var attempt: Int
    public var state: State
    public var gang: GangRequest
    /// Priority of the run; higher goes first.
    public var priority: Int64
    /// Pool of the run, `development` or `production`; nil where the run names none.
    public var pool: String?
    /// Extended resource that stands for a GPU; nil where the run needs none.
    public var gpuResource: String?
    /// Value of the node label `anneal.dev/gpu-type`; nil for any.
    public var gpuType: String?
    /// Wanted capacity of the nodes, `spot` or `on-demand`; nil for any.
    public var capacityType: String?
    /// Class of the pods, which quotas may ask for; nil for the cluster's default.
    public var priorityClassName: String?
    /// Start of the wait, which orders runs of one priority; an interrupted run keeps that of its first wait.
    public var waitingSince: Timestamp
    /// GPU-seconds of work that would be lost if the run were stopped now; 0 for one that is not running.
    public var lossIfStopped: Int64

    public init(
        identity: Identity, attempt: Int, state: State, gang: GangRequest, priority: Int64 = 0,
        pool: String? = nil, gpuResource: String? = nil, gpuType: String? = nil, capacityType: String? = nil,
        priorityClassName: String? = nil, waitingSince: Timestamp, lossIfStopped: Int64 = 0
    ) {
        self.identity = identity
        self.attempt = attempt
        self.state = state
        self.gang = gang
        self.priority = priority
        self.pool = pool
        self.gpuResource = gpuResource
        self.gpuType = gpuType
        self.capacityType = capacityType
        self.priorityClassName = priorityClassName
        self.waitingSince = waitingSince
        self.lossIfStopped = lossIfStopped
    }

    public var namespace: String { identity.key.namespace }

    /// GPUs of one pod.
    public var gpusPerPod: Int64 {
        guard let gpuResource, let amount = gang.resources.requests[gpuResource] else { return 0 }
        return Int64(clamping: max(0, amount.milliunits) / 1000)
    }

    /// Indices in the order of the queue: higher priority, then the longer wait; names decide between equals.
    static func order(_ workloads: [Workload]) -> [Int] {
        // Priorities and times are taken out of the workloads, which are large, before anything is compared.
        let places = workloads.indices.map { index in
            (priority: workloads[index].priority, since: workloads[index].waitingSince, index: index)
        }
        return places.sorted { first, second in
            if first.priority != second.priority { return first.priority > second.priority }
            if first.since != second.since { return first.since < second.since }
            return workloads[first.index].identity < workloads[second.index].identity
        }.map(\.index)
    }
}
