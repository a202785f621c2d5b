import AdmissionWebhook
import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning

/// Settings with which the operator starts.
public struct OperatorConfiguration: Sendable {
    /// Election of one of several operators to act.
    public struct Election: Sendable {
        /// The lease that the leader holds.
        public var lease: ObjectKey
        public var timing: LeaderElector.Timing
        /// Identity of this process; differs from that of any other, also from that of an earlier one in the
        /// same pod.
        public var identity: String

        public init(lease: ObjectKey, timing: LeaderElector.Timing = .init(), identity: String) {
            self.lease = lease
            self.timing = timing
            self.identity = identity
        }
    }

    /// Ports and address of metrics and health, over plain HTTP. One port may serve both.
    public struct Telemetry: Sendable {
        public var address: String
        /// Port of metrics; nil for none.
        public var metricsPort: Int?
        /// Port of health; nil for none.
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
    /// Name that tells this process from others in events: the pod's name.
    public var identity: String
    /// Election of the leader; nil for the only operator.
    public var election: Election?
    public var telemetry = Telemetry()
    /// Settings of the admission webhook; nil for none.
    public var webhook: AdmissionWebhook.Configuration?

    public init(planner: PlannerSettings, identity: String, namespace: String? = nil, workers: Int = 8) {
        self.planner = planner
        self.identity = identity
        self.namespace = namespace
        self.workers = workers
    }
}
