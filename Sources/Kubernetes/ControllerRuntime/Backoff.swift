import SeededRandomness

/// Growing waits with jitter, so that many clients of one server do not come back together.
public struct Backoff: Hashable, Sendable {
    public var initial: Duration
    public var maximum: Duration

    /// For whoever waits for a server that is away, or for a cache that lags: whatever the length of the
    /// outage, work goes on within seconds of its end.
    public static let reconnecting = Backoff(initial: .milliseconds(400), maximum: .seconds(3))

    public init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The wait before try `failures + 1`: doubled with each failure up to `maximum`, of which a random
    /// half is taken away at most.
    public func delay(failures: Int, using random: inout SeededGenerator) -> Duration {
        let doublings = min(max(failures - 1, 0), 32)
        let full = min(maximum, initial * (1 << doublings))
        return full * Double.random(in: 0.5...1, using: &random)
    }
}
