import AnnealAPI
import Planning

/// What the operator is started with.
public struct OperatorConfiguration: Sendable {
    /// The one namespace to serve; nil serves all.
    public var namespace: String?
    /// Reconciliations that run at once, for each kind.
    public var workers: Int
    public var planner: PlannerSettings

    public init(planner: PlannerSettings, namespace: String? = nil, workers: Int = 4) {
        self.planner = planner
        self.namespace = namespace
        self.workers = workers
    }
}
