import SeededRandomness

/// Growing waits with jitter, so that many clients of one server do not come back together.
public struct JitteredBackoff: Hashable, Sendable {
    public var initial: Duration
    public var maximum: Duration

    /// Waits for a client of a server that is away, or of a cache that lags: work goes on within seconds of
    /// an outage's end, however long it lasted.
    public static let reconnecting = JitteredBackoff(initial: .milliseconds(400), maximum: .seconds(3))

    public init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    /// Wait before attempt `failures + 1`: doubled with each failure up to `maximum`, then shortened by a
    /// random part of at most half.
    public func delay(failures: Int, using random: inout SeededGenerator) -> Duration {
        let doublings = min(max(failures - 1, 0), 32)
        let full = min(maximum, initial * (1 << doublings))
        return full * Double.random(in: 0.5...1, using: &random)
    }
}
