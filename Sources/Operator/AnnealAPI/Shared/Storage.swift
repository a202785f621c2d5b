/// How to reach the S3 endpoint that a run reads from and writes to.
public struct StorageConnection: Codable, Hashable, Sendable {
    /// `https://host[:port]`; AWS's own endpoint of the region if absent.
    public var endpoint: String?
    /// Default `us-east-1`.
    public var region: String?
    /// Bucket in the path instead of the host name; most servers that are not AWS need it.
    public var pathStyle: Bool?
    /// A Secret of the run's namespace with the keys `accessKeyId`, `secretAccessKey` and, where it is
    /// temporary, `sessionToken`. Absent: the bucket is public, or the pod's own identity is used.
    public var credentialsSecretName: String?

    public init(
        endpoint: String? = nil, region: String? = nil, pathStyle: Bool? = nil,
        credentialsSecretName: String? = nil
    ) {
        self.endpoint = endpoint
        self.region = region
        self.pathStyle = pathStyle
        self.credentialsSecretName = credentialsSecretName
    }
}

/// Something in S3, with what is known of it beforehand.
public struct StoredInput: Codable, Hashable, Sendable {
    /// `s3://bucket/key`, an object or a prefix (a "folder").
    public var storageUri: String
    /// What the team calls this version; recorded in the lineage. An S3 object version if it is one.
    public var version: String?
    /// SHA-256, lower-case hex: of the object, or of the prefix's manifest.
    public var sha256: String?

    public init(storageUri: String, version: String? = nil, sha256: String? = nil) {
        self.storageUri = storageUri
        self.version = version
        self.sha256 = sha256
    }
}

/// What the records of a dataset look like; one JSON object a line.
public enum DatasetFormat: String, Codable, Hashable, Sendable, CaseIterable {
    /// `{"prompt": …, "completion": …}`
    case promptCompletion
    /// `{"messages": [{"role": …, "content": …}, …]}`
    case messages
    /// `{"text": …}`
    case text
    /// `{"prompt": …, "chosen": …, "rejected": …}`
    case preference
}

/// A name and a value that a container gets in its environment.
public struct EnvironmentVariable: Codable, Hashable, Sendable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What one node of a run is given.
public struct NodeResources: Codable, Hashable, Sendable {
    /// GPUs of a node; 0 trains on CPUs.
    public var gpus: Int?
    /// A Kubernetes quantity.
    public var cpu: String?
    /// A Kubernetes quantity.
    public var memory: String?
    /// A Kubernetes quantity.
    public var ephemeralStorage: String?

    public init(
        gpus: Int? = nil, cpu: String? = nil, memory: String? = nil, ephemeralStorage: String? = nil
    ) {
        self.gpus = gpus
        self.cpu = cpu
        self.memory = memory
        self.ephemeralStorage = ephemeralStorage
    }
}

/// Where GPU pods may run.
public struct Placement: Codable, Hashable, Sendable {
    public enum CapacityType: String, Codable, Hashable, Sendable, CaseIterable {
        case spot, onDemand, any
    }

    public enum Pool: String, Codable, Hashable, Sendable, CaseIterable {
        /// At most 2 GPUs and one hour, preemptible.
        case development
        case production
    }

    /// The value of the node label `anneal.dev/gpu-type`.
    public var gpuType: String?
    public var capacityType: CapacityType?
    public var pool: Pool?
    /// The extended resource that stands for a GPU; default `nvidia.com/gpu`.
    public var gpuResourceName: String?
    public var nodeSelector: [String: String]?
    public var tolerations: [PlacementToleration]?
    public var priorityClassName: String?
    public var schedulerName: String?
    public var runtimeClassName: String?

    public init() {}
}

/// A toleration as in a pod; `Exists` or `Equal`.
public struct PlacementToleration: Codable, Hashable, Sendable {
    public var key: String?
    public var `operator`: String?
    public var value: String?
    public var effect: String?
    public var tolerationSeconds: Int64?

    public init(key: String?, operator: String?, value: String? = nil, effect: String? = nil) {
        self.key = key
        self.operator = `operator`
        self.value = value
        self.effect = effect
    }
}

/// How long a run may take and how often it may fail.
public struct RunPolicy: Codable, Hashable, Sendable {
    /// True stops the run after a checkpoint and gives its GPUs back; false lets it go on from there.
    public var suspend: Bool?
    /// For the Training stage (TrainingJob) or the whole run (EvalRun), time spent suspended left out.
    public var activeDeadlineSeconds: Int64?
    /// Counted failures of training after which the run fails; lost nodes and preemptions do not count.
    public var backoffLimit: Int?
    /// The finished object is deleted after this long; never if absent.
    public var ttlSecondsAfterFinished: Int64?
    /// A training attempt that shows no sign of life for this long is replaced.
    public var heartbeatTimeoutSeconds: Int64?

    public init() {}
}
