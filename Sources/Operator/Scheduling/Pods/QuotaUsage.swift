import KubernetesAPI

/// An object as quotas see it: what it counts, and which quotas it falls under.
///
/// The rules are those of Kubernetes' `pkg/quota/v1/evaluator/core`. Admission and the quota controller
/// both count by them, so that a status which one writes is right for the other.
public struct QuotaUsage: Sendable {
    /// Facts of an object on which its usage depends.
    public enum Subject: Sendable {
        case pod(QuotaPod)
        case service(type: String?, ports: Int, nodePorts: Int)
        case claim(storage: ResourceAmount?, storageClass: String?)
        /// An object that only counts as one.
        case other
    }

    public var type: ResourceType
    public var subject: Subject

    /// - Parameter type: The object's type; `subject` is about an object of that type.
    public init(_ type: ResourceType, _ subject: Subject) {
        self.type = type
        self.subject = subject
    }

    /// Amounts that an object, stored or about to be, counts under each name that a quota can limit.
    ///
    /// A pod that has ended counts only as an object.
    public var amounts: ResourceAmounts {
        var amounts = Self.amounts(ofObjects: 1, type)
        switch subject {
        case .pod(let pod): if !pod.isFinished { amounts.add(pod.amounts) }
        case .service(let type, let ports, let nodePorts):
            let isBalancer = type == "LoadBalancer"
            if isBalancer { amounts["services.loadbalancers"] = .one }
            let taken = isBalancer ? nodePorts : type == "NodePort" ? ports : 0
            if taken > 0 {
                amounts["services.nodeports"] = ResourceAmount(milliunits: Int128(taken) * 1000)
            }
        case .claim(let storage, let storageClass):
            amounts["requests.storage"] = storage
            guard let storageClass, !storageClass.isEmpty else { break }
            let prefix = "\(storageClass).storageclass.storage.k8s.io/"
            amounts[prefix + "persistentvolumeclaims"] = .one
            amounts[prefix + "requests.storage"] = storage
        case .other: break
        }
        return amounts
    }

    /// Resources of the core group that quotas also know without the prefix `count/`.
    private static let countedByName: Set<String> = [
        "services", "persistentvolumeclaims", "configmaps", "secrets", "replicationcontrollers",
        "resourcequotas",
    ]

    /// Amounts that objects of a type count merely by being there: `count/pods`,
    /// `count/trainingjobs.anneal.dev`.
    public static func amounts(ofObjects count: Int, _ type: ResourceType) -> ResourceAmounts {
        let amount = ResourceAmount(milliunits: Int128(count) * 1000)
        var amounts: ResourceAmounts = ["count/\(type.qualifiedName)": amount]
        if type.group.isEmpty, countedByName.contains(type.plural) { amounts[type.plural] = amount }
        return amounts
    }

    /// Whether a quota is about the object. A quota with scopes is about pods only.
    public func fallsUnder(_ quota: ResourceQuotaSpec) -> Bool {
        let requirements =
            (quota.scopes ?? []).map { ScopedRequirement(scopeName: $0, operator: "Exists") }
            + (quota.scopeSelector?.matchExpressions ?? [])
        guard !requirements.isEmpty else { return true }
        guard case .pod(let pod) = subject else { return false }
        return requirements.allSatisfy(pod.matches)
    }
}

/// Facts of a pod that quotas ask for.
public struct QuotaPod: Sendable {
    public var resources: PodResources
    public var isFinished: Bool
    /// Seconds after which the pod is stopped; nil or negative means never.
    public var activeDeadlineSeconds: Int64?
    public var priorityClassName: String?
    /// Whether an affinity or anti-affinity speaks of pods of other namespaces.
    public var looksAcrossNamespaces: Bool

    public init(
        resources: PodResources, isFinished: Bool, activeDeadlineSeconds: Int64? = nil,
        priorityClassName: String? = nil, looksAcrossNamespaces: Bool = false
    ) {
        self.resources = resources
        self.isFinished = isFinished
        self.activeDeadlineSeconds = activeDeadlineSeconds
        self.priorityClassName = priorityClassName
        self.looksAcrossNamespaces = looksAcrossNamespaces
    }

    /// Amounts that the pod uses until it ends.
    fileprivate var amounts: ResourceAmounts {
        var amounts: ResourceAmounts = ["pods": .one]
        for (name, amount) in resources.requests {
            switch Self.standing(of: name) {
            case .plain:
                amounts[name] = amount
                amounts["requests.\(name)"] = amount
            case .extended: amounts["requests.\(name)"] = amount
            case .uncounted: break
            }
        }
        for name in ["cpu", "memory", "ephemeral-storage"] {
            if let amount = resources.limits[name] { amounts["limits.\(name)"] = amount }
        }
        return amounts
    }

    private enum Standing { case plain, extended, uncounted }

    /// `nvidia.com/gpu` and the like are extended, and limited by `requests.nvidia.com/gpu` alone.
    private static func standing(of name: String) -> Standing {
        if ["cpu", "memory", "ephemeral-storage"].contains(name) || name.hasPrefix("hugepages-") {
            return .plain
        }
        return name.contains("/") && !name.contains("kubernetes.io/") ? .extended : .uncounted
    }

    fileprivate func matches(_ requirement: ScopedRequirement) -> Bool {
        switch requirement.scopeName {
        case "Terminating": return isTerminating
        case "NotTerminating": return !isTerminating
        case "BestEffort": return resources.isBestEffort
        case "NotBestEffort": return !resources.isBestEffort
        case "CrossNamespacePodAffinity": return looksAcrossNamespaces
        case "PriorityClass":
            let name = priorityClassName ?? ""
            return SelectorRequirement(
                key: requirement.scopeName, operator: requirement.operator, values: requirement.values
            ).matches(name.isEmpty ? nil : name)
        default: return false
        }
    }

    private var isTerminating: Bool { (activeDeadlineSeconds ?? -1) >= 0 }
}

extension QuotaUsage {
    public init(_ pod: Pod) {
        let spec = pod.spec ?? PodSpec()
        let affinities = [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]
        let terms = affinities.compactMap { $0 }.flatMap { affinity in
            (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? [])
                + (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(\.podAffinityTerm)
        }
        self.init(
            Pod.resourceType,
            .pod(
                QuotaPod(
                    resources: PodResources(spec), isFinished: pod.isFinished,
                    activeDeadlineSeconds: spec.activeDeadlineSeconds,
                    priorityClassName: spec.priorityClassName,
                    looksAcrossNamespaces: terms.contains {
                        $0.namespaces?.isEmpty == false || $0.namespaceSelector != nil
                    })))
    }

    public init(_ service: Service) {
        let ports = service.spec?.ports ?? []
        let allocates = service.spec?.allocateLoadBalancerNodePorts != false
        self.init(
            Service.resourceType,
            .service(
                type: service.spec?.type, ports: ports.count,
                nodePorts: allocates ? ports.count : ports.count { ($0.nodePort ?? 0) != 0 }))
    }

    public init(_ claim: PersistentVolumeClaim) {
        self.init(
            PersistentVolumeClaim.resourceType,
            .claim(
                storage: claim.spec?.resources?.requests?["storage"].map { ResourceAmount($0) },
                storageClass: claim.spec?.storageClassName))
    }
}
