import KubernetesAPI

/// Amounts that a pod asks for, container by container, and what they come to.
///
/// The rules are those of kube-scheduler and of the quota evaluator:
/// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
public struct PodResources: Hashable, Sendable {
    /// Amounts of one container, or of the pod as a whole.
    public struct Share: Hashable, Sendable {
        public var requests: ResourceAmounts
        public var limits: ResourceAmounts

        /// A limit stands for a request that is not given.
        public init(requests: ResourceAmounts = [:], limits: ResourceAmounts = [:]) {
            self.requests = limits.merging(requests) { _, request in request }
            self.limits = limits
        }

        /// Whether neither CPU nor memory is asked for.
        fileprivate var isBestEffort: Bool {
            ["cpu", "memory"].allSatisfy { name in
                (requests[name] ?? .zero).milliunits == 0 && (limits[name] ?? .zero).milliunits == 0
            }
        }
    }

    public struct InitContainer: Hashable, Sendable {
        public var share: Share
        /// Whether it runs on beside the containers that are started after it.
        public var isSidecar: Bool

        public init(share: Share, isSidecar: Bool = false) {
            self.share = share
            self.isSidecar = isSidecar
        }
    }

    public var containers: [Share]
    public var initContainers: [InitContainer]
    /// Costs of running the pod at all.
    public var overhead: ResourceAmounts
    /// Amounts of the pod as a whole, which stand for its containers' where they are given.
    public var whole: Share

    public init(
        containers: [Share], initContainers: [InitContainer] = [], overhead: ResourceAmounts = [:],
        whole: Share = Share()
    ) {
        self.containers = containers
        self.initContainers = initContainers
        self.overhead = overhead
        self.whole = whole
    }

    /// Sum of what is set aside for the pod on its node, overhead included.
    public var requests: ResourceAmounts {
        var total = peak(\.requests)
        total.add(overhead)
        return total
    }

    /// Sum of what the pod may use at most. Overhead raises a limit; it sets none.
    public var limits: ResourceAmounts {
        var total = peak(\.limits)
        total.add(overhead.filter { total[$0.key] != nil })
        return total
    }

    /// Whether no container asks for CPU or memory: quality of service `BestEffort`.
    public var isBestEffort: Bool {
        whole.isBestEffort && containers.allSatisfy(\.isBestEffort)
            && initContainers.allSatisfy(\.share.isBestEffort)
    }

    /// Containers and sidecars run together; the other init containers run one at a time, each beside the
    /// sidecars that were started before it.
    private func peak(_ amounts: KeyPath<Share, ResourceAmounts>) -> ResourceAmounts {
        var running: ResourceAmounts = [:]
        var peak: ResourceAmounts = [:]
        for container in initContainers {
            var moment = running
            moment.add(container.share[keyPath: amounts])
            if container.isSidecar { running = moment }
            peak.raise(to: moment)
        }
        for container in containers { running.add(container[keyPath: amounts]) }
        peak.raise(to: running)
        peak.merge(whole[keyPath: amounts]) { _, given in given }
        return peak
    }
}

extension PodResources {
    public init(_ spec: PodSpec) {
        self.init(
            containers: spec.containers.map { Share($0.resources) },
            initContainers: (spec.initContainers ?? []).map {
                InitContainer(share: Share($0.resources), isSidecar: $0.restartPolicy == "Always")
            },
            overhead: ResourceAmounts(spec.overhead), whole: Share(spec.resources))
    }
}

extension PodResources.Share {
    public init(_ resources: ResourceRequirements?) {
        self.init(
            requests: ResourceAmounts(resources?.requests), limits: ResourceAmounts(resources?.limits))
    }
}

extension PodSpec {
    /// Thousandths of each resource that a node sets aside for the pod; the pod itself counts as one of the
    /// node's `pods`.
    public var scheduledRequests: [String: Int128] {
        var amounts = PodResources(self).requests.mapValues(\.milliunits)
        amounts["pods"] = 1000
        return amounts
    }
}

extension Pod {
    /// Whether the pod has ended for good: it holds nothing any more.
    public var isFinished: Bool { Pod.isFinished(phase: status?.phase) }

    /// Whether a pod of this phase, nil where the status says none, has ended for good.
    public static func isFinished(phase: String?) -> Bool { phase == "Succeeded" || phase == "Failed" }
}
