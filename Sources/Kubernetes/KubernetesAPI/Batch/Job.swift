/// `batch/v1` `Job`
public struct Job: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(group: "batch", version: "v1", kind: "Job", plural: "jobs")

    public var apiVersion: String? = "batch/v1"
    public var kind: String? = "Job"
    public var metadata: ObjectMeta
    public var spec: JobSpec?
    public var status: JobStatus?

    public init(metadata: ObjectMeta, spec: JobSpec? = nil, status: JobStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

public struct JobSpec: Codable, Hashable, Sendable {
    public var parallelism: Int64?
    public var completions: Int64?
    public var backoffLimit: Int64?
    public var activeDeadlineSeconds: Int64?
    public var ttlSecondsAfterFinished: Int64?
    public var suspend: Bool?
    public var completionMode: String?
    public var podReplacementPolicy: String?
    public var selector: LabelSelector?
    public var manualSelector: Bool?
    public var template: PodTemplateSpec

    public init(template: PodTemplateSpec) { self.template = template }
}

/// `metav1.LabelSelector`
public struct LabelSelector: Codable, Hashable, Sendable {
    public var matchLabels: [String: String]?
    public var matchExpressions: [SelectorRequirement]?
    public init(matchLabels: [String: String]? = nil) { self.matchLabels = matchLabels }
}

public struct JobStatus: Codable, Hashable, Sendable {
    public var active: Int64?
    public var ready: Int64?
    public var succeeded: Int64?
    public var failed: Int64?
    public var terminating: Int64?
    public var startTime: Timestamp?
    public var completionTime: Timestamp?
    public var conditions: [JobCondition]?
    public var uncountedTerminatedPods: UncountedTerminatedPods?
    public init() {}
}

public struct UncountedTerminatedPods: Codable, Hashable, Sendable {
    public var succeeded: [String]?
    public var failed: [String]?
    public init(succeeded: [String]? = nil, failed: [String]? = nil) {
        self.succeeded = succeeded
        self.failed = failed
    }
}

public struct JobCondition: Codable, Hashable, Sendable {
    /// `Complete`, `Failed`, `Suspended`, `SuccessCriteriaMet`, `FailureTarget`
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
