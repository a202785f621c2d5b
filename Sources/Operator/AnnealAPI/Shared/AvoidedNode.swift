import KubernetesAPI

/// A node on which a pod of the run did not start: later pods prefer others for an hour.
public struct AvoidedNode: Codable, Hashable, Sendable {
    /// Name of the node.
    public var name: String
    /// Cause, one word in CamelCase, such as FailedCreatePodSandBox.
    public var reason: String
    /// Time at which the pod was given up.
    public var since: Timestamp

    /// A node that is avoided from now on.
    public init(name: String, reason: String, since: Timestamp) {
        self.name = name
        self.reason = reason
        self.since = since
    }
}
