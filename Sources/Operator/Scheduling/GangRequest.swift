import KubernetesAPI

/// Equal pods that start together or not at all.
public struct GangRequest: Hashable, Sendable {
    public var count: Int
    /// Of one pod: resource name → amount.
    public var requests: [String: Quantity]
    public var nodeSelector: [String: String]
    public var tolerations: [Toleration]

    public init(
        count: Int, requests: [String: Quantity], nodeSelector: [String: String] = [:],
        tolerations: [Toleration] = []
    ) {
        self.count = count
        self.requests = requests
        self.nodeSelector = nodeSelector
        self.tolerations = tolerations
    }

    /// Conditions that each of the pods sets on its node.
    var demands: NodeDemands { NodeDemands(nodeSelector: nodeSelector, tolerations: tolerations) }
}

/// Whether a gang can be placed now.
public enum GangAnswer: Hashable, Sendable {
    case fits
    /// Why not, in words for people.
    case waits(String)
}
