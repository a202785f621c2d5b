import KubernetesAPI

/// Signal of a subscription.
public enum WatchSignal: Sendable, Equatable {
    case change(Change)
    /// All changes up to this revision have been delivered.
    case bookmark(revision: Int64)
    /// The time that the client granted is over.
    case timeout
}

/// A live feed of the changes of one resource.
public struct Subscription: Sendable {
    let id: Int
    /// Changes that happened before the feed began and that the subscriber asked for.
    public let backlog: [Change]
    /// The state at the feed's beginning, where it was asked for.
    public let snapshot: [StoredObject]
    /// Revision after which the feed begins.
    public let revision: Int64
    public let signals: AsyncStream<WatchSignal>
    let continuation: AsyncStream<WatchSignal>.Continuation
}
