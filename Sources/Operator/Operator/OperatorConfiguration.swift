import AdmissionWebhook
import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning

/// What the operator is started with.
public struct OperatorConfiguration: Sendable {
    /// How one of several operators is chosen to act.
    public struct Election: Sendable {
        /// The lease that the leader holds.
        public var lease: ObjectKey
        public var timing: LeaderElector.Timing
        /// Differs from that of any other process, also from that of an earlier one in the same pod.
        public var identity: String

        public init(lease: ObjectKey, timing: LeaderElector.Timing = .init(), identity: String) {
            self.lease = lease
            self.timing = timing
            self.identity = identity
        }
    }

    /// Where metrics and health are served over plain HTTP. One port may have both.
    public struct Telemetry: Sendable {
        public var address: String
        /// Nil for none.
        public var metricsPort: Int?
        /// Nil for none.
        public var healthPort: Int?

        public init(address: String = "127.0.0.1", metricsPort: Int? = nil, healthPort: Int? = nil) {
            self.address = address
            self.metricsPort = metricsPort
            self.healthPort = healthPort
        }
    }

    /// The one namespace to serve; nil serves all.
    public var namespace: String?
    /// Reconciliations that run at once, for each kind.
    public var workers: Int
    public var planner: PlannerSettings
    /// Tells this process from others in events: the pod's name.
    public var identity: String
    /// Nil where there is only one operator.
    public var election: Election?
    public var telemetry = Telemetry()
    /// Nil for none.
    public var webhook: AdmissionWebhook.Configuration?

    public init(planner: PlannerSettings, identity: String, namespace: String? = nil, workers: Int = 8) {
        self.planner = planner
        self.identity = identity
        self.namespace = namespace
        self.workers = workers
    }
}
