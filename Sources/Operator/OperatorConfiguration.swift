import AnnealAPI
import Planning

/// What the operator is started with.
public struct OperatorConfiguration: Sendable {
    /// The one namespace to serve; nil serves all.
    public var namespace: String?
    /// Reconciliations that run at once, for each kind.
    public var workers: Int
    public var planner: PlannerSettings
    /// Tells this process from others in events: the pod's name.
    public var identity: String

    public init(planner: PlannerSettings, identity: String, namespace: String? = nil, workers: Int = 4) {
        self.planner = planner
        self.identity = identity
        self.namespace = namespace
        self.workers = workers
    }
}
