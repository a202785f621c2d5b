import SeededRandomness
import Synchronization

/// A queue of keys to work on. A key waits once however often it was added, is never given out twice at the
/// same time, and is due at the earliest of its times.
public final class WorkQueue<Key: Hashable & Sendable>: Sendable {
    private struct State {
        var queue: WorkQueueState<Key>
        /// Number of changes that waiting tasks must see.
        var version: UInt64 = 0
        var added: UInt64 = 0
        var ended: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - backoff: waits of `addRateLimited`.
    ///   - seed: seed of the backoff's jitter; nil for a random one.
    public init(
        backoff: JitteredBackoff = JitteredBackoff(initial: .milliseconds(100), maximum: .seconds(300)),
        clock: some Clock<Duration> = ContinuousClock(), seed: UInt64? = nil
    ) {
        let random = seed.map { SeededGenerator(seed: $0) } ?? SeededGenerator()
        state = Mutex(State(queue: WorkQueueState(backoff: backoff, random: random)))
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
    }

    public func add(_ key: Key) { add(key, after: .zero) }

    public func add(_ key: Key, after delay: Duration) {
        let due = now() + max(.zero, delay)
        change { $0.add(key, due: due) }
        state.withLock { $0.added &+= 1 }
    }

    /// Queues a key that failed, later with each failure.
    public func addRateLimited(_ key: Key) { addRateLimited(key, atLeast: .zero) }

    /// Queues a key that failed. The wait is `minimum` at least; `maximum` bounds the part of it that grows
    /// with the failures.
    public func addRateLimited(_ key: Key, atLeast minimum: Duration, atMost maximum: Duration? = nil) {
        let now = now()
        change { queue in
            let delay = max(minimum, queue.noteFailure(key, atMost: maximum))
            return queue.add(key, due: now + delay)
        }
    }

    /// Forgets the failures of a key.
    public func forget(_ key: Key) { state.withLock { $0.queue.forget(key) } }

    /// Failures since the last `forget`.
    public func failures(of key: Key) -> Int { state.withLock { $0.queue.failures(of: key) } }

    /// Says that work on a key that `get` gave has ended.
    public func done(_ key: Key) {
        change { $0.done(key) }
        state.withLock { $0.ended &+= 1 }
    }

    /// Number of calls that added a key.
    public var addedCount: UInt64 { state.withLock { $0.added } }

    /// Number of runs of keys that have ended.
    public var endedCount: UInt64 { state.withLock { $0.ended } }

    /// Keys that wait, due or not.
    public var count: Int { state.withLock { $0.queue.count } }

    /// Keys that are due and wait for a worker, or for their present run to end.
    public var dueCount: Int {
        let now = now()
        return state.withLock { $0.queue.dueCount(now: now) }
    }

    /// Keys that are being worked on.
    public var runningCount: Int { state.withLock { $0.queue.runningCount } }

    /// Ends all waiting: `get` returns nil from now on.
    public func shutDown() {
        change { queue in
            queue.shutDown()
            return true
        }
    }

    /// Has everybody who waits in `get` ask again whether to go on.
    public func wake() { change { _ in true } }

    /// The next key that is due, when one is; nil after `shutDown`, or when the task is cancelled. Call
    /// `done` after the work.
    public func get() async -> Key? { await get(unless: { false }) }

    /// The same; nil as soon as `isStopped` answers with true, which is asked again after `wake`.
    func get(unless isStopped: () -> Bool) async -> Key? {
        while !Task.isCancelled {
            let now = now()
            let (next, version) = state.withLock { state in
                (isStopped() ? .shutDown : state.queue.next(now: now), state.version)
            }
            switch next {
            case .key(let key): return key
            case .shutDown: return nil
            case .wait(nil): await waitForChange(after: version)
            case .wait(let due?): await waitForChange(after: version, atMost: due - now)
            }
        }
        return nil
    }

    private func change(_ body: (inout WorkQueueState<Key>) -> Bool) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard body(&state.queue) else { return [] }
            state.version &+= 1
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    private func waitForChange(after version: UInt64, atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.sleep(limit) }
            group.addTask { await self.waitForChange(after: version) }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForChange(after version: UInt64) async {
        let id = state.withLock { state in
            state.nextWaiter &+= 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasChanged = state.withLock { state in
                    guard state.version == version, !Task.isCancelled else { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if hasChanged { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
    }
}
