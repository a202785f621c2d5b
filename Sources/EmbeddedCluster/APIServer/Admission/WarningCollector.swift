import Synchronization

/// Gathers the warnings of one request from all that handle it.
public final class WarningCollector: Sendable {
    private let state = Mutex<[String]>([])

    public init() {}

    /// Adds a warning unless it is there already.
    public func add(_ warning: String) {
        state.withLock { warnings in
            if !warnings.contains(warning) { warnings.append(warning) }
        }
    }

    /// Warnings in the order in which they came.
    public var warnings: [String] { state.withLock { $0 } }
}
