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

/// Random numbers that a seed determines: SplitMix64 (Steele, Lea and Flood, 2014).
public struct SeededGenerator: RandomNumberGenerator, Hashable, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// A seed that differs from run to run.
    public init() { state = UInt64.random(in: .min ... .max) }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
