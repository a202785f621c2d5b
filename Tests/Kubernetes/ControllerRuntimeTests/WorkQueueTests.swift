import SeededRandomness
import Synchronization
import Testing

@testable import ControllerRuntime

@Suite(.timeLimit(.minutes(1)))
struct WorkQueueTests {
    private let clock = ManualClock()

    private func queue() -> WorkQueue<String> {
        WorkQueue(
            backoff: JitteredBackoff(initial: .seconds(1), maximum: .seconds(60)), clock: clock, seed: 1)
    }

    @Test func `a key waits once, and keys come in their order`() async {
        let queue = queue()
        for key in ["b", "a", "b", "c", "a"] { queue.add(key) }
        #expect(queue.count == 3)
        #expect([await queue.get(), await queue.get(), await queue.get()] == ["b", "a", "c"])
    }

    @Test func `a key never runs twice at once, but again afterwards`() async {
        let queue = queue()
        queue.add("a")
        #expect(await queue.get() == "a")
        queue.add("a")
        queue.add("b")
        #expect(await queue.get() == "b")
        queue.done("a")
        #expect(await queue.get() == "a")
        queue.done("a")
        queue.done("b")
        #expect(queue.count == 0 && queue.runningCount == 0)
    }

    @Test func `the earliest time wins`() async {
        let queue = queue()
        queue.add("a", after: .seconds(100))
        queue.add("a", after: .seconds(10))
        queue.add("a", after: .seconds(50))
        async let key = queue.get()
        await clock.waitForSleepers(1)
        await clock.advance(by: .seconds(9))
        #expect(queue.count == 1)
        await clock.advance(by: .seconds(1))
        #expect(await key == "a")
        queue.done("a")
        #expect(queue.count == 0)
    }

    @Test func `a key for later does not hold up one that is due now`() async {
        let queue = queue()
        queue.add("later", after: .seconds(10))
        async let first = queue.get()
        await clock.waitForSleepers(1)
        queue.add("now")
        #expect(await first == "now")
    }

    @Test func `a waiter for a later key notices an earlier one`() async {
        let queue = queue()
        queue.add("a", after: .seconds(100))
        async let first = queue.get()
        await clock.waitForSleepers(1)
        queue.add("b", after: .seconds(1))
        await clock.waitForSleep(of: .seconds(1))
        await clock.advance(by: .seconds(1))
        #expect(await first == "b")
    }

    @Test func `failures lengthen the wait until they are forgotten`() {
        var state = WorkQueueState<String>(
            backoff: JitteredBackoff(initial: .seconds(1), maximum: .seconds(60)),
            random: SeededGenerator(seed: 1))
        for count in 1...20 {
            let delay = state.noteFailure("a")
            let full = min(Duration.seconds(60), .seconds(1) * (1 << (count - 1)))
            #expect(delay >= full / 2 && delay <= full, "\(count)")
        }
        let other = state.noteFailure("b")
        state.forget("a")
        let forgotten = state.noteFailure("a")
        #expect(other <= .seconds(1) && forgotten <= .seconds(1))
    }

    @Test func `a passing failure is repeated within seconds, however often it failed`() {
        var state = WorkQueueState<String>(
            backoff: JitteredBackoff(initial: .seconds(1), maximum: .seconds(300)),
            random: SeededGenerator(seed: 1))
        for _ in 0..<40 { _ = state.noteFailure("a") }
        for _ in 0..<40 {
            let delay = state.noteFailure("a", atMost: .seconds(3))
            #expect(delay <= .seconds(3))
        }
        let other = state.noteFailure("a")
        #expect(other >= .seconds(150))
    }

    @Test func `shutting down ends every wait`() async {
        let queue = queue()
        queue.add("later", after: .seconds(10))
        async let one = queue.get()
        async let two = queue.get()
        await clock.waitForSleepers(2)
        queue.shutDown()
        #expect(await one == nil)
        #expect(await two == nil)
        queue.add("a")
        #expect(await queue.get() == nil)
    }

    @Test func `cancelling the task ends the wait`() async {
        let queue = queue()
        let task = Task { await queue.get() }
        task.cancel()
        #expect(await task.value == nil)
    }

    @Test func `a queue that lives long does not grow`() {
        var state = WorkQueueState<Int>(
            backoff: JitteredBackoff(initial: .seconds(1), maximum: .seconds(60)),
            random: SeededGenerator(seed: 1))
        // Each round asks for the key in an hour, and then at once, as a settled run does.
        for round in 0..<10_000 {
            let now = Duration.seconds(round)
            state.add(1, due: now + .seconds(3600))
            state.add(1, due: now)
            let next = state.next(now: now)
            #expect(next == .key(1))
            let waitsAgain = state.done(1)
            #expect(!waitsAgain)
        }
        #expect(state.heapCount < 200)
    }

    /// Any course of calls: no key runs twice at once, none is lost, none comes early.
    @Test(arguments: 0..<50)
    func `any course of calls keeps the promises of a queue`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var state = WorkQueueState<Int>(
            backoff: JitteredBackoff(initial: .seconds(1), maximum: .seconds(60)),
            random: SeededGenerator(seed: seed)
        )
        var now = Duration.zero
        var due: [Int: Duration] = [:]
        var running: Set<Int> = []
        for _ in 0..<2000 {
            let key = Int.random(in: 0..<8, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let when = now + .seconds(Int.random(in: 0..<5, using: &random))
                state.add(key, due: when)
                due[key] = min(due[key] ?? when, when)
            case 2:
                if let done = running.randomElement(using: &random) {
                    running.remove(done)
                    _ = state.done(done)
                }
            default:
                now += .seconds(Int.random(in: 0..<3, using: &random))
                let candidates = due.filter { !running.contains($0.key) }
                switch state.next(now: now) {
                case .key(let key):
                    let isFirst = running.insert(key).inserted
                    #expect(isFirst)
                    #expect(due[key].map { $0 <= now } == true)
                    #expect(due[key] == candidates.values.min())
                    due[key] = nil
                case .wait(let until): #expect(until == candidates.values.min())
                case .shutDown: Issue.record("nobody shut it down")
                }
            }
        }
    }
}

/// A clock that stands still until it is advanced.
final class ManualClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }
    }

    private struct State {
        var now = Duration.zero
        var sleepers: [Int: (until: Duration, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    var now: Instant { Instant(offset: state.withLock { $0.now }) }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if deadline.offset <= state.now { return .success(()) }
                    state.sleepers[id] = (deadline.offset, continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    func advance(by duration: Duration) async {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    func waitForSleepers(_ count: Int) async {
        while state.withLock({ $0.sleepers.count }) < count { await Task.yield() }
    }

    /// Waits until somebody sleeps for that time from now.
    func waitForSleep(of duration: Duration) async {
        while !state.withLock({ state in state.sleepers.values.contains { $0.until == state.now + duration } }
        ) {
            await Task.yield()
        }
    }
}
