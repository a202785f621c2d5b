import AnnealAPI

/// Settings of the administrator for all runs: images, and the limits of design chapter 2.
public struct PlannerSettings: Hashable, Sendable {
    /// Seconds that one attempt of a stage may take, the number of attempts, and the growth of the waits
    /// between them.
    public struct StageLimit: Hashable, Sendable {
        public var seconds: Int64
        public var attempts: Int
        /// Factor by which each wait is longer than the one before it.
        public var backoffFactor: Double

        public init(seconds: Int64, attempts: Int, backoffFactor: Double) {
            self.seconds = seconds
            self.attempts = attempts
            self.backoffFactor = backoffFactor
        }
    }

    /// The image of `anneal-agent`.
    public var agentImage: String
    public var agentCommand: [String] = ["anneal-agent"]
    /// Pull policy of agent containers; the cluster's default if nil.
    public var imagePullPolicy: String?
    /// The service account whose token the sync sidecar gets, to renew the run's Lease.
    public var agentServiceAccount = "anneal-agent"
    public var agentResources = NodeResources(cpu: "250m", memory: "512Mi")
    /// Resources of preprocessing, whose memory grows with the number of records.
    public var preprocessResources = NodeResources(cpu: "500m", memory: "2Gi")
    public var syncResources = NodeResources(cpu: "100m", memory: "256Mi")
    public var runAsUser: Int64 = 65532

    public var validating = StageLimit(seconds: 1800, attempts: 3, backoffFactor: 2)
    public var preprocessing = StageLimit(seconds: 7200, attempts: 3, backoffFactor: 2)
    public var preparing = StageLimit(seconds: 7200, attempts: 3, backoffFactor: 2)
    /// Limits of training. `runPolicy` overrides its time and attempts, which are `backoffLimit + 1`.
    public var training = StageLimit(seconds: 86_400, attempts: 4, backoffFactor: 2)
    public var uploading = StageLimit(seconds: 7200, attempts: 3, backoffFactor: 2)
    public var evaluating = StageLimit(seconds: 14_400, attempts: 3, backoffFactor: 1.5)
    public var registering = StageLimit(seconds: 1800, attempts: 5, backoffFactor: 2)
    /// Seconds from leaving Pending to the end of training, without the time spent queued and suspended.
    public var runLimitSeconds: Int64 = 172_800
    /// Seconds from the end of training to the end.
    public var completionSeconds: Int64 = 86_400
    /// Seconds until a trainer's first sign of life.
    public var startupTimeoutSeconds: Int64 = 1800

    /// Seconds of the first wait after a failure.
    public var backoffSeconds: Int64 = 10
    public var maxBackoffSeconds: Int64 = 600
    public var heartbeatTimeoutSeconds: Int64 = 300
    /// Seconds, at least, between two renewals by the sidecar.
    public var heartbeatSeconds: Int = 10
    public var terminationGracePeriodSeconds: Int64 = 120
    /// Seconds that a grace period is at most raised to, where checkpoints take long.
    public var longestGracePeriodSeconds: Int64 = 3600
    /// Seconds for which a node is not ready until what ran on it counts as lost; a kubelet that is started
    /// anew takes less.
    public var nodeLostSeconds: Int64 = 60
    /// Seconds for which the failure of one pod of a gang waits for what its neighbours say: the loss of a
    /// node is known later than the failure of those that spoke with it.
    public var gangFailureSeconds: Int64 = 50
    /// Seconds without a node, or without a container, until the status says why.
    public var silentWaitSeconds: Int64 = 30
    /// Seconds after which pods that no node takes give their place back.
    public var unschedulableSeconds: Int64 = 600
    /// Seconds after which a pod that a node took and that did not start fails the run, where only a person can
    /// help, or is replaced.
    public var startFailureSeconds: Int64 = 600
    /// Seconds after which the events of a pod that has not started are read, and read again.
    public var startEventSeconds: Int64 = 20
    /// Seconds for which a run keeps off a node on which one of its pods did not start.
    public var nodeAvoidanceSeconds: Int64 = 3600
    /// Nodes that a run keeps off, at most.
    public var maxAvoidedNodes = 8
    /// Seconds for which a finished Job may be seen without its pod before the pod counts as lost.
    public var reportWaitSeconds: Int64 = 30
    /// Seconds past its grace period after which a pod counts as being on a lost node, and is removed by
    /// force.
    public var forceDeleteSeconds: Int64 = 300
    /// Seconds of running after which an interrupted attempt was no waste, even without a checkpoint.
    public var fruitfulSeconds: Int64 = 600
    /// Fruitless interruptions in a row that count as one failure; also the most that one CPU stage may have.
    public var maxFruitlessInterruptions = 10
    /// Seconds after which a queued run is looked at again, besides when nodes or pods change.
    public var queuePollSeconds: Int64 = 15

    public init(agentImage: String) { self.agentImage = agentImage }
}
