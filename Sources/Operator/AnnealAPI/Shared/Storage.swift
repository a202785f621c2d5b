/// Access to the S3 endpoint that a run reads from and writes to.
public struct StorageConnection: Codable, Hashable, Sendable {
    /// The S3 endpoint, such as `http://minio.storage:9000`; AWS's own of the region if absent.
    public var endpoint: String?
    /// Region that requests are signed for. Default us-east-1.
    public var region: String?
    /// Whether the bucket is put into the path instead of the host name, as most servers but AWS need.
    /// Default false.
    public var pathStyle: Bool?
    /// A Secret of this namespace with the keys accessKeyId, secretAccessKey and, for temporary credentials,
    /// sessionToken; and allowedHosts, hosts that it may be sent to, of which endpoint's must be one. If absent, the
    /// identity that the cloud gives to the agents' service account signs requests or, without one, nothing does.
    public var credentialsSecretName: String?

    /// AWS in `us-east-1`, unsigned, unless said otherwise.
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

/// An object or a folder in S3, with what is known of it beforehand.
public struct StoredInput: Codable, Hashable, Sendable {
    /// `s3://bucket/key`: an object, or a prefix of objects.
    public var storageUri: String
    /// Name that the team gives this version; recorded in the model's lineage. Nil: the lineage has none.
    public var version: String?
    /// SHA-256 of the object, or of the prefix's manifest, 64 lower-case hexadecimal digits. The run fails if
    /// it is another. Nil: any content is taken.
    public var sha256: String?

    /// An object or a prefix, with or without a version and a digest to hold it against.
    public init(storageUri: String, version: String? = nil, sha256: String? = nil) {
        self.storageUri = storageUri
        self.version = version
        self.sha256 = sha256
    }
}

/// Shape of a dataset's records; one JSON object a line.
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

/// Resources of one node of a run; requests equal limits.
public struct NodeResources: Codable, Hashable, Sendable {
    /// GPUs of a node; 0 for CPUs only. Default 1.
    public var gpus: Int?
    /// CPUs, a quantity such as 4 or 500m; a fraction is written in quotes, as "1.5". Nil: no request and no limit.
    public var cpu: WrittenQuantity?
    /// Memory, a quantity such as 32Gi. Nil: no request and no limit.
    public var memory: WrittenQuantity?
    /// Node-local disk, a quantity such as 10Gi. Nil: no request and no limit.
    public var ephemeralStorage: WrittenQuantity?

    /// Resources of which any may be left to its default.
    public init(
        gpus: Int? = nil, cpu: WrittenQuantity? = nil, memory: WrittenQuantity? = nil,
        ephemeralStorage: WrittenQuantity? = nil
    ) {
        self.gpus = gpus
        self.cpu = cpu
        self.memory = memory
        self.ephemeralStorage = ephemeralStorage
    }
}

/// Nodes that GPU pods may run on, and the class of their pods.
public struct Placement: Codable, Hashable, Sendable {
    /// Sort of nodes by whether the provider may take them back.
    public enum CapacityType: String, Codable, Hashable, Sendable, CaseIterable {
        /// Nodes that may be reclaimed.
        case spot
        /// Nodes that may not.
        case onDemand
        /// Both.
        case any
    }

    /// Share of the cluster that a run is counted in.
    public enum Pool: String, Codable, Hashable, Sendable, CaseIterable {
        /// Runs of at most 2 GPUs and one hour, preemptible.
        case development
        /// Runs of up to 48 hours.
        case production
    }

    /// Wanted value of the node label anneal.dev/gpu-type, such as h100. Nil: any.
    public var gpuType: String?
    /// Capacity of the nodes: those that may be reclaimed (spot), those that may not, or any. Default any.
    public var capacityType: CapacityType?
    /// Pool of the run. development: at most 2 GPUs and one hour. production: up to 48 hours. Default
    /// production.
    public var pool: Pool?
    /// The extended resource that counts GPUs. Default nvidia.com/gpu.
    public var gpuResourceName: String?
    /// Labels that a node must have. Nil: none.
    public var nodeSelector: [String: String]?
    /// Taints to tolerate, besides those of GPUs and of the capacity type. Nil: none.
    public var tolerations: [PlacementToleration]?
    /// PriorityClass of the pods, and priority of the run. Nil: the cluster's default.
    public var priorityClassName: String?
    /// Scheduler of the pods. Nil: the cluster's default.
    public var schedulerName: String?
    /// RuntimeClass of the pods. Nil: the cluster's default.
    public var runtimeClassName: String?

    /// Any node that has the GPUs.
    public init() {}
}

/// Toleration as in a pod.
public struct PlacementToleration: Codable, Hashable, Sendable {
    /// Key of the taint; any if absent.
    public var key: String?
    /// Comparison of the taint's value: Equal, which is the default, or Exists. Nil is Equal.
    public var `operator`: String?
    /// Value of the taint, with Equal. Nil with Exists.
    public var value: String?
    /// Effect of the taint; any if absent.
    public var effect: String?
    /// Seconds to tolerate NoExecute. Nil: for ever.
    public var tolerationSeconds: Int64?

    /// A toleration without a time limit.
    public init(key: String?, operator: String?, value: String? = nil, effect: String? = nil) {
        self.key = key
        self.operator = `operator`
        self.value = value
        self.effect = effect
    }
}

/// Bounds of a run's time and failures, and the wish to suspend it.
public struct RunPolicy: Codable, Hashable, Sendable {
    /// Wish to suspend: true stops the run after a checkpoint and gives its GPUs back; false lets it go on.
    /// Default false.
    public var suspend: Bool?
    /// The wish of a run's parent that it stops for good, after a checkpoint. Nil: none.
    public var stop: StopRequest?
    /// Seconds that Training may hold its GPUs, over all attempts, in a TrainingJob. Default 86400. Seconds
    /// that the evaluation may take, in an EvalRun; time queued and suspended left out. Default 14400.
    public var activeDeadlineSeconds: Int64?
    /// Seconds until the model is trained; time queued and suspended left out. Two days, or a day more than
    /// activeDeadlineSeconds if that is longer, if absent. Of a TrainingJob only.
    public var totalDeadlineSeconds: Int64?
    /// Seconds from the end of training for upload, evaluation and registration, which wait that long for
    /// what does not answer or refuses them; time queued and suspended left out. Default 86400. Of a
    /// TrainingJob only.
    public var completionDeadlineSeconds: Int64?
    /// Seconds that a trainer may take until its first sign of life. Default 1800. Of a TrainingJob only.
    public var startupTimeoutSeconds: Int64?
    /// Failures after which the run fails. Lost nodes and preemptions do not count. Default 3.
    public var backoffLimit: Int?
    /// Seconds after which the finished object is deleted; kept if absent.
    public var ttlSecondsAfterFinished: Int64?
    /// Seconds without a sign of life, after the first one, after which an attempt is replaced. Default 300.
    public var heartbeatTimeoutSeconds: Int64?

    /// A policy by defaults alone.
    public init() {}
}
