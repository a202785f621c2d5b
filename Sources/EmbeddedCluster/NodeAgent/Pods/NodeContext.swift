import FoundationEssentials
import KubernetesAPI
import Logging

/// Dependencies that all pods of a node share.
struct NodeContext: Sendable {
    var configuration: NodeConfiguration
    var cluster: any NodeCluster
    var resources: NodeResources
    var layout: HostLayout
    var logs: LogDirectory
    var clock: NodeClock
    var logger: Logger
    static let hostIP = "127.0.0.1"
}

/// The time of day, in milliseconds since 1970.
public struct NodeClock: Sendable {
    public var milliseconds: @Sendable () -> Int64

    public init(milliseconds: @escaping @Sendable () -> Int64) { self.milliseconds = milliseconds }

    public static let system = NodeClock { Int64(Date().timeIntervalSince1970 * 1000) }

    public var now: Timestamp { Timestamp(seconds: milliseconds() / 1000) }
}
