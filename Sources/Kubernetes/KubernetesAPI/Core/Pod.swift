/// `v1` `Pod`
public struct Pod: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(version: "v1", kind: "Pod", plural: "pods")

    public var apiVersion: String? = "v1"
    public var kind: String? = "Pod"
    public var metadata: ObjectMeta
    public var spec: PodSpec?
    public var status: PodStatus?

    public init(metadata: ObjectMeta, spec: PodSpec? = nil, status: PodStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

/// Template of a Job's pods.
public struct PodTemplateSpec: Codable, Hashable, Sendable {
    public var metadata: ObjectMeta?
    public var spec: PodSpec?

    public init(metadata: ObjectMeta? = nil, spec: PodSpec? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}

public struct PodSpec: Codable, Hashable, Sendable {
    public var containers: [Container]
    public var initContainers: [Container]?
    public var volumes: [Volume]?
    public var restartPolicy: String?
    public var terminationGracePeriodSeconds: Int64?
    public var activeDeadlineSeconds: Int64?
    public var nodeName: String?
    public var nodeSelector: [String: String]?
    public var tolerations: [Toleration]?
    public var affinity: Affinity?
    public var hostname: String?
    public var subdomain: String?
    public var setHostnameAsFQDN: Bool?
    public var serviceAccountName: String?
    public var automountServiceAccountToken: Bool?
    public var enableServiceLinks: Bool?
    public var priorityClassName: String?
    public var priority: Int64?
    public var schedulerName: String?
    public var securityContext: PodSecurityContext?
    public var imagePullSecrets: [LocalObjectReference]?
    public var runtimeClassName: String?
    /// Resources for running the pod at all, from its runtime class; added to the containers' requests.
    public var overhead: [String: Quantity]?
    /// Resources of the pod as a whole; if given, they replace the sum of the containers'.
    public var resources: ResourceRequirements?
    public var schedulingGates: [SchedulingGate]?

    public init(containers: [Container] = []) { self.containers = containers }
}

public struct SchedulingGate: Codable, Hashable, Sendable {
    public var name: String
    public init(name: String) { self.name = name }
}

public struct LocalObjectReference: Codable, Hashable, Sendable {
    public var name: String
    public init(name: String) { self.name = name }
}

public struct Toleration: Codable, Hashable, Sendable {
    public var key: String?
    /// `Equal` (default) or `Exists`
    public var `operator`: String?
    public var value: String?
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`; nil tolerates all effects
    public var effect: String?
    public var tolerationSeconds: Int64?

    public init(
        key: String? = nil, operator: String? = nil, value: String? = nil, effect: String? = nil,
        tolerationSeconds: Int64? = nil
    ) {
        self.key = key
        self.operator = `operator`
        self.value = value
        self.effect = effect
        self.tolerationSeconds = tolerationSeconds
    }

    /// Whether this toleration lets a pod stand `taint`.
    public func tolerates(_ taint: Taint) -> Bool {
        if let effect, !effect.isEmpty, effect != taint.effect { return false }
        guard let key, !key.isEmpty else { return `operator` == "Exists" }
        guard key == taint.key else { return false }
        return `operator` == "Exists" || (value ?? "") == (taint.value ?? "")
    }
}

public struct Affinity: Codable, Hashable, Sendable {
    public var nodeAffinity: NodeAffinity?
    public var podAffinity: PodAffinity?
    public var podAntiAffinity: PodAffinity?
    public init(nodeAffinity: NodeAffinity? = nil) { self.nodeAffinity = nodeAffinity }
}

/// `PodAffinity`, or `PodAntiAffinity`, which has the same members.
public struct PodAffinity: Codable, Hashable, Sendable {
    public var requiredDuringSchedulingIgnoredDuringExecution: [PodAffinityTerm]?
    public var preferredDuringSchedulingIgnoredDuringExecution: [WeightedPodAffinityTerm]?
    public init(
        required: [PodAffinityTerm]? = nil, preferred: [WeightedPodAffinityTerm]? = nil
    ) {
        requiredDuringSchedulingIgnoredDuringExecution = required
        preferredDuringSchedulingIgnoredDuringExecution = preferred
    }
}

public struct WeightedPodAffinityTerm: Codable, Hashable, Sendable {
    /// 1 to 100.
    public var weight: Int64
    public var podAffinityTerm: PodAffinityTerm
    public init(weight: Int64, podAffinityTerm: PodAffinityTerm) {
        self.weight = weight
        self.podAffinityTerm = podAffinityTerm
    }
}

/// Pods that a pod is to be near to, or far from.
public struct PodAffinityTerm: Codable, Hashable, Sendable {
    public var labelSelector: LabelSelector?
    public var topologyKey: String
    /// Namespaces of those pods; nil or empty means the pod's own, unless `namespaceSelector` is given.
    public var namespaces: [String]?
    public var namespaceSelector: LabelSelector?
    public init(labelSelector: LabelSelector? = nil, topologyKey: String) {
        self.labelSelector = labelSelector
        self.topologyKey = topologyKey
    }
}

public struct NodeAffinity: Codable, Hashable, Sendable {
    public var requiredDuringSchedulingIgnoredDuringExecution: NodeSelector?
    public var preferredDuringSchedulingIgnoredDuringExecution: [PreferredSchedulingTerm]?
    public init(required: NodeSelector?, preferred: [PreferredSchedulingTerm]? = nil) {
        requiredDuringSchedulingIgnoredDuringExecution = required
        preferredDuringSchedulingIgnoredDuringExecution = preferred
    }
}

/// Nodes that are better than others.
public struct PreferredSchedulingTerm: Codable, Hashable, Sendable {
    /// 1 to 100.
    public var weight: Int64
    public var preference: NodeSelectorTerm
    public init(weight: Int64, preference: NodeSelectorTerm) {
        self.weight = weight
        self.preference = preference
    }
}

public struct NodeSelector: Codable, Hashable, Sendable {
    public var nodeSelectorTerms: [NodeSelectorTerm]
    public init(nodeSelectorTerms: [NodeSelectorTerm]) { self.nodeSelectorTerms = nodeSelectorTerms }
}

public struct NodeSelectorTerm: Codable, Hashable, Sendable {
    /// Conditions on the node's labels.
    public var matchExpressions: [SelectorRequirement]?
    /// Conditions on the node's fields, of which `metadata.name` is the only one.
    public var matchFields: [SelectorRequirement]?
    public init(
        matchExpressions: [SelectorRequirement]?, matchFields: [SelectorRequirement]? = nil
    ) {
        self.matchExpressions = matchExpressions
        self.matchFields = matchFields
    }
}

/// One requirement of a label or node selector.
public struct SelectorRequirement: Codable, Hashable, Sendable {
    public var key: String
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`; node selectors also `Gt`, `Lt`
    public var `operator`: String
    public var values: [String]?

    public init(key: String, operator: String, values: [String]? = nil) {
        self.key = key
        self.operator = `operator`
        self.values = values
    }
}

public struct PodSecurityContext: Codable, Hashable, Sendable {
    public var runAsNonRoot: Bool?
    public var runAsUser: Int64?
    public var runAsGroup: Int64?
    public var fsGroup: Int64?
    public var fsGroupChangePolicy: String?
    public var seccompProfile: SeccompProfile?
    public init() {}
}

public struct SeccompProfile: Codable, Hashable, Sendable {
    public var type: String
    public init(type: String) { self.type = type }
}

public struct PodStatus: Codable, Hashable, Sendable {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`
    public var phase: String?
    public var conditions: [PodCondition]?
    public var message: String?
    public var reason: String?
    public var podIP: String?
    public var podIPs: [PodIP]?
    public var hostIP: String?
    public var startTime: Timestamp?
    public var initContainerStatuses: [ContainerStatus]?
    public var containerStatuses: [ContainerStatus]?
    public var qosClass: String?
    public init(phase: String? = nil) { self.phase = phase }
}

public struct PodIP: Codable, Hashable, Sendable {
    public var ip: String
    public init(ip: String) { self.ip = ip }
}

public struct PodCondition: Codable, Hashable, Sendable {
    /// `PodScheduled`, `Initialized`, `ContainersReady`, `Ready`, `DisruptionTarget`
    public var type: String
    public var status: Condition.Status
    public var reason: String?
    public var message: String?
    public var lastProbeTime: Timestamp?
    public var lastTransitionTime: Timestamp?

    public init(
        type: String, status: Condition.Status, reason: String? = nil, message: String? = nil,
        lastTransitionTime: Timestamp? = nil
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.lastTransitionTime = lastTransitionTime
    }
}

public struct ContainerStatus: Codable, Hashable, Sendable {
    public var name: String
    public var state: ContainerState?
    public var lastState: ContainerState?
    public var ready: Bool?
    public var started: Bool?
    public var restartCount: Int64?
    public var image: String?
    public var imageID: String?
    public var containerID: String?

    public init(name: String, state: ContainerState? = nil) {
        self.name = name
        self.state = state
    }
}

public struct ContainerState: Codable, Hashable, Sendable {
    public var waiting: ContainerStateWaiting?
    public var running: ContainerStateRunning?
    public var terminated: ContainerStateTerminated?

    public init(
        waiting: ContainerStateWaiting? = nil, running: ContainerStateRunning? = nil,
        terminated: ContainerStateTerminated? = nil
    ) {
        self.waiting = waiting
        self.running = running
        self.terminated = terminated
    }
}

public struct ContainerStateWaiting: Codable, Hashable, Sendable {
    public var reason: String?
    public var message: String?
    public init(reason: String? = nil, message: String? = nil) {
        self.reason = reason
        self.message = message
    }
}

public struct ContainerStateRunning: Codable, Hashable, Sendable {
    public var startedAt: Timestamp?
    public init(startedAt: Timestamp? = nil) { self.startedAt = startedAt }
}

public struct ContainerStateTerminated: Codable, Hashable, Sendable {
    public var exitCode: Int64
    public var signal: Int64?
    /// `Completed`, `Error`, `OOMKilled`, `DeadlineExceeded`, …
    public var reason: String?
    /// Text that the container wrote to its termination message file, 4,096 bytes at most.
    public var message: String?
    public var startedAt: Timestamp?
    public var finishedAt: Timestamp?
    public var containerID: String?

    public init(
        exitCode: Int64, signal: Int64? = nil, reason: String? = nil, message: String? = nil,
        startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil
    ) {
        self.exitCode = exitCode
        self.signal = signal
        self.reason = reason
        self.message = message
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }
}
