import KubernetesAPI

/// `batch/v1` `Job` with the members that its controller needs. The pod template is kept as it was written,
/// so that the pods get all fields of it.
public struct BatchJob: KubernetesResource, Hashable {
    public static let resourceType = Job.resourceType

    public var metadata: ObjectMeta
    public var spec: BatchJobSpec
    public var status: JobStatus?

    public init(metadata: ObjectMeta, spec: BatchJobSpec, status: JobStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

public struct BatchJobSpec: Codable, Hashable, Sendable {
    public var parallelism: Int64?
    public var completions: Int64?
    public var backoffLimit: Int64?
    public var activeDeadlineSeconds: Int64?
    public var ttlSecondsAfterFinished: Int64?
    public var suspend: Bool?
    public var completionMode: String?
    public var podReplacementPolicy: String?
    public var podFailurePolicy: PodFailurePolicy?
    public var template: JSONValue

    public init(template: JSONValue = [:]) { self.template = template }
}

/// Rules for failures of pods: those that count, those that do not, and those that end the job at once.
public struct PodFailurePolicy: Codable, Hashable, Sendable {
    public struct Rule: Codable, Hashable, Sendable {
        /// `FailJob`, `Ignore` or `Count`
        public var action: String
        public var onExitCodes: ExitCodes?
        public var onPodConditions: [ConditionPattern]?
        public init(action: String, onExitCodes: ExitCodes? = nil, onPodConditions: [ConditionPattern]? = nil)
        {
            self.action = action
            self.onExitCodes = onExitCodes
            self.onPodConditions = onPodConditions
        }
    }

    public struct ExitCodes: Codable, Hashable, Sendable {
        public var containerName: String?
        /// `In` or `NotIn`
        public var `operator`: String
        public var values: [Int64]
        public init(containerName: String? = nil, operator: String, values: [Int64]) {
            self.containerName = containerName
            self.operator = `operator`
            self.values = values
        }
    }

    public struct ConditionPattern: Codable, Hashable, Sendable {
        public var type: String
        public var status: String?
        public init(type: String, status: String? = nil) {
            self.type = type
            self.status = status
        }
    }

    public var rules: [Rule]
    public init(rules: [Rule]) { self.rules = rules }

    /// The action of the first rule that fits a failed pod; nil if none does.
    public func action(for pod: Pod) -> String? { rules.first { $0.matches(pod) }?.action }
}

extension PodFailurePolicy.Rule {
    func matches(_ pod: Pod) -> Bool {
        if let codes = onExitCodes {
            let statuses = (pod.status?.initContainerStatuses ?? []) + (pod.status?.containerStatuses ?? [])
            return statuses.contains { status in
                guard let code = status.state?.terminated?.exitCode, code != 0,
                    codes.containerName == nil || codes.containerName == status.name
                else { return false }
                return codes.operator == "In" ? codes.values.contains(code) : !codes.values.contains(code)
            }
        }
        return (onPodConditions ?? []).contains { pattern in
            (pod.status?.conditions ?? []).contains {
                $0.type == pattern.type && $0.status.rawValue == pattern.status ?? "True"
            }
        }
    }
}
