/// Waits before a failed request is repeated: exponential backoff with full jitter (M. Brooker, "Exponential
/// Backoff and Jitter", AWS Architecture Blog, 2015).
public struct RetryPolicy: Sendable {
    /// Time between a request's first failure and its last attempt, at most. It is asked for before each
    /// wait, so that a process that is told to stop can shorten it.
    public var budget: @Sendable () -> Duration
    public var base: Duration
    public var cap: Duration

    public init(
        budget: @escaping @Sendable () -> Duration = { .seconds(300) }, base: Duration = .milliseconds(200),
        cap: Duration = .seconds(10)
    ) {
        self.budget = budget
        self.base = base
        self.cap = cap
    }

    /// Wait before attempt `attempt + 1`, `attempt` from 1. `random` is in 0..<1. Half of the wait is
    /// certain, so that retries never become a busy loop.
    func delay(attempt: Int, random: Double) -> Duration {
        let doublings = min(max(attempt - 1, 0), 20)
        let ceiling = min(cap, base * (1 << doublings))
        return ceiling * (0.5 + 0.5 * min(max(random, 0), 1))
    }
}

/// Clock and random numbers of the client.
public struct RetryEnvironment: Sendable {
    /// Monotonic time since some moment.
    public var now: @Sendable () -> Duration
    /// Waits for a time. Throws if the task is cancelled.
    public var sleep: @Sendable (Duration) async throws -> Void
    /// A random number in 0..<1.
    public var random: @Sendable () -> Double

    public init(
        now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    /// The machine's clock and the system's random numbers.
    public static let live: RetryEnvironment = {
        let start = ContinuousClock.now
        return RetryEnvironment(
            now: { ContinuousClock.now - start },
            sleep: { try await Task.sleep(for: $0) },
            random: { Double.random(in: 0..<1) })
    }()
}
