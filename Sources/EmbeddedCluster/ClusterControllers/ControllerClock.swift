import FoundationEssentials
import KubernetesAPI

/// The time of day, injected so that tests can set it.
public struct ControllerClock: Sendable {
    private let read: @Sendable () -> Timestamp

    public init(_ read: @escaping @Sendable () -> Timestamp) { self.read = read }

    public var now: Timestamp { read() }

    public static let system = ControllerClock { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }
}
