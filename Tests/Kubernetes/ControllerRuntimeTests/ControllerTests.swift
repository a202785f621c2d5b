import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import ControllerRuntime

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(1)))
struct ControllerTests {
    private struct Failure: Error {}

    /// Runs a controller in a task until `body` returns.
    private func withController(
        _ queue: WorkQueue<String>, workers: Int = 2,
        observer: (@Sendable (ReconciliationObservation) -> Void)? = nil,
        reconcile: @escaping Controller<String>.Reconcile, _ body: () async throws -> Void
    ) async throws {
        let controller = Controller(
            name: "test", queue: queue, workers: workers, observer: observer, reconcile: reconcile)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await controller.run() }
            try await body()
            queue.shutDown()
            try await group.waitForAll()
        }
    }

    @Test func `a failed key comes again and a success forgets its failures`() async throws {
        let queue = WorkQueue<String>(
            backoff: JitteredBackoff(initial: .milliseconds(1), maximum: .milliseconds(5)), seed: 1)
        let (attempts, attempt) = AsyncStream.makeStream(of: Int.self)
        let count = Mutex(0)
        try await withController(
            queue,
            reconcile: { _ in
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                attempt.yield(number)
                if number < 4 { throw Failure() }
                return .done
            }
        ) {
            queue.add("a")
            for await number in attempts where number == 4 { break }
            while queue.runningCount > 0 { await Task.yield() }
            #expect(queue.failures(of: "a") == 0)
        }
        #expect(count.withLock { $0 } == 4)
    }

    @Test func `the queue of a term that was cancelled or shut down serves the next one`() async throws {
        let queue = WorkQueue<Int>(seed: 1)
        let (runs, run) = AsyncStream.makeStream(of: Int.self)
        var seen = runs.makeAsyncIterator()
        for number in 0..<20 {
            let controllers = (0..<3).map { _ in
                Controller(name: "test", queue: queue, workers: 2) { key in
                    run.yield(key)
                    return .done
                }
            }
            let group = ServiceGroup(services: controllers, logger: Logger(label: "test"))
            let term = Task { try await group.run() }
            queue.add(number)
            #expect(await seen.next() == number)
            if number.isMultiple(of: 2) { term.cancel() } else { await group.triggerGracefulShutdown() }
            _ = await term.result
        }
    }

    @Test func `a key runs again after the time it asked for`() async throws {
        let clock = ManualClock()
        let queue = WorkQueue<String>(clock: clock, seed: 1)
        let (runs, run) = AsyncStream.makeStream(of: String.self)
        try await withController(
            queue, workers: 1,
            reconcile: { key in
                run.yield(key)
                return Reconciliation(requeueAfter: .seconds(30))
            }
        ) {
            queue.add("a")
            var iterator = runs.makeAsyncIterator()
            #expect(await iterator.next() == "a")
            await clock.waitForSleep(of: .seconds(30))
            await clock.advance(by: .seconds(30))
            #expect(await iterator.next() == "a")
        }
    }

    @Test func `the server's wish to wait is granted`() async throws {
        let clock = ManualClock()
        let queue = WorkQueue<String>(clock: clock, seed: 1)
        let busy = KubernetesError.api(Status(details: StatusDetails(retryAfterSeconds: 77), code: 429))
        try await withController(queue, workers: 1, reconcile: { _ in throw busy }) {
            queue.add("a")
            await clock.waitForSleep(of: .seconds(77))
        }
    }

    @Test func `a key is never worked on twice at once`() async throws {
        let queue = WorkQueue<String>(seed: 1)
        let running = Mutex<[String: Int]>([:])
        let most = Mutex(0)
        let done = Mutex(0)
        try await withController(
            queue, workers: 8,
            reconcile: { key in
                running.withLock { running in
                    running[key, default: 0] += 1
                    most.withLock { $0 = max($0, running[key] ?? 0) }
                }
                await Task.yield()
                running.withLock { $0[key, default: 0] -= 1 }
                done.withLock { $0 += 1 }
                return .done
            }
        ) {
            for round in 0..<500 {
                queue.add("k\(round % 3)")
                if round.isMultiple(of: 10) { await Task.yield() }
            }
            while queue.count > 0 || queue.runningCount > 0 { await Task.yield() }
        }
        #expect(most.withLock { $0 } == 1)
        #expect(done.withLock { $0 } >= 3)
    }

    @Test func `a graceful shutdown ends what is under way`() async throws {
        let queue = WorkQueue<String>(seed: 1)
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let release = AsyncStream.makeStream(of: Void.self)
        let finished = Atomic<Bool>(false)
        let controller = Controller<String>(name: "test", queue: queue) { _ in
            begin.yield()
            for await _ in release.stream {}
            finished.store(true, ordering: .relaxed)
            return .done
        }
        queue.add("a")
        let group = ServiceGroup(services: [controller], logger: .init(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await _ in begun { break }
            await group.triggerGracefulShutdown()
            let isEarly = finished.load(ordering: .relaxed)
            #expect(!isEarly)
            release.continuation.finish()
            try await tasks.waitForAll()
        }
        let isFinished = finished.load(ordering: .relaxed)
        #expect(isFinished)
    }

    @Test func `a shutdown leaves a long queue as it is`() async throws {
        let queue = WorkQueue<Int>(seed: 1)
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let release = Atomic<Bool>(false)
        let runs = Atomic<Int>(0)
        let controller = Controller<Int>(name: "test", queue: queue, workers: 3) { _ in
            runs.add(1, ordering: .relaxed)
            begin.yield()
            while !release.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
            return Reconciliation(requeueAfter: .zero)
        }
        for key in 0..<10_000 { queue.add(key) }
        let group = ServiceGroup(services: [controller], logger: .init(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var count = 0
            for await _ in begun {
                count += 1
                if count == 3 { break }
            }
            await group.triggerGracefulShutdown()
            release.store(true, ordering: .relaxed)
            try await tasks.waitForAll()
        }
        let total = runs.load(ordering: .relaxed)
        #expect(total == 3, "only what was under way is ended")
    }

    @Test func `a queue outlives its controller, and the next one goes on with it`() async throws {
        let queue = WorkQueue<String>(seed: 1)
        let (reconciled, reconcile) = AsyncStream.makeStream(of: String.self)
        func controller(_ name: String) -> Controller<String> {
            Controller(name: name, queue: queue) { key in
                reconcile.yield("\(name) \(key)")
                return .done
            }
        }
        var seen = reconciled.makeAsyncIterator()
        for name in ["first", "second"] {
            let group = ServiceGroup(services: [controller(name)], logger: .init(label: "test"))
            queue.add("a")
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                #expect(await seen.next() == "\(name) a")
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
        queue.add("b")
        #expect(queue.count == 1, "what comes between two controllers waits for the next one")
    }

    @Test func `reconciliations that compute for long leave the shared pool to others`() async throws {
        let queue = WorkQueue<Int>(seed: 1)
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let release = Atomic<Bool>(false)
        let gaveUp = Atomic<Int>(0)
        // More than the pool has threads, and none waits for anything.
        let controller = Controller<Int>(name: "test", queue: queue, workers: 200) { _ in
            begin.yield()
            let end = ContinuousClock.now + .seconds(20)
            while !release.load(ordering: .relaxed) {
                guard .now < end else {
                    gaveUp.add(1, ordering: .relaxed)
                    break
                }
                sched_yield()
            }
            return .done
        }
        for key in 0..<200 { queue.add(key) }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await controller.run() }
            for await _ in begun { break }
            // By then all that may run at once do, each on a thread.
            await Task.detached { try? await Task.sleep(for: .milliseconds(50)) }.value
            release.store(true, ordering: .relaxed)
            queue.shutDown()
            try await tasks.waitForAll()
        }
        let count = gaveUp.load(ordering: .relaxed)
        #expect(count == 0, "nobody else could run meanwhile")
    }

    @Test func `each reconciliation is observed`() async throws {
        let queue = WorkQueue<String>(
            backoff: JitteredBackoff(initial: .seconds(100), maximum: .seconds(100)), seed: 1)
        let (seen, see) = AsyncStream.makeStream(of: ReconciliationObservation.Outcome.self)
        try await withController(
            queue, workers: 1, observer: { see.yield($0.outcome) },
            reconcile: { key in
                switch key {
                case "good": return .done
                case "again": return Reconciliation(requeueAfter: .seconds(100))
                default: throw Failure()
                }
            }
        ) {
            for key in ["good", "again", "bad"] { queue.add(key) }
            var outcomes: [ReconciliationObservation.Outcome] = []
            for await outcome in seen {
                outcomes.append(outcome)
                if outcomes.count == 3 { break }
            }
            #expect(outcomes == [.success, .requeue, .error])
        }
    }
}
