import KubernetesClient
import Logging
import ServiceLifecycle
import Synchronization

/// Result of a reconciliation that succeeded.
public struct Reconciliation: Hashable, Sendable {
    /// Time after which the key is reconciled again though nothing changed; nil: only after a change.
    public var requeueAfter: Duration?

    public init(requeueAfter: Duration? = nil) { self.requeueAfter = requeueAfter }

    public static let done = Reconciliation()
}

/// Outcome of one reconciliation, for metrics.
public struct ReconciliationObservation: Sendable {
    public enum Outcome: String, Sendable { case success, requeue, error }

    public var controller: String
    public var outcome: Outcome
    public var duration: Duration
    /// Keys that wait in the queue.
    public var queueDepth: Int
}

/// Reconciles the keys of a queue, several at a time, never one key twice at once. A failed key comes
/// again, later with each failure. Reconciliations have threads of their own, on which they may compute for
/// long.
public final class Controller<Key: Hashable & Sendable>: ServiceLifecycle.Service {
    public typealias Reconcile = @Sendable (Key) async throws -> Reconciliation

    private let name: String
    private let queue: WorkQueue<Key>
    private let workers: Int
    private let waitUntilReady: @Sendable () async throws -> Void
    private let reconcile: Reconcile
    private let observer: (@Sendable (ReconciliationObservation) -> Void)?
    private let logger: Logger

    /// - Parameters:
    ///   - waitUntilReady: returns when work may begin: the caches are filled, the lease is held.
    ///   - observer: called after each reconciliation; it must be quick.
    public init(
        name: String, queue: WorkQueue<Key>, workers: Int = 4,
        logger: Logger = Logger(label: "anneal.controller"),
        observer: (@Sendable (ReconciliationObservation) -> Void)? = nil,
        waitUntilReady: @escaping @Sendable () async throws -> Void = {}, reconcile: @escaping Reconcile
    ) {
        self.name = name
        self.queue = queue
        self.workers = max(1, workers)
        self.waitUntilReady = waitUntilReady
        self.reconcile = reconcile
        self.observer = observer
        var logger = logger
        logger[metadataKey: "controller"] = "\(name)"
        self.logger = logger
    }

    /// Works until the queue is shut down, the service is (what is under way is ended first), or the task
    /// is cancelled. The queue outlives the service: another controller may go on with it.
    public func run() async throws {
        let isStopped = Flag()
        try await withGracefulShutdownHandler {
            try await cancelWhenGracefulShutdown { try await self.waitUntilReady() }
            await withDiscardingTaskGroup { group in
                for _ in 0..<workers {
                    group.addTask(executorPreference: WorkThreads.shared) {
                        await self.work(until: isStopped)
                    }
                }
            }
        } onGracefulShutdown: {
            isStopped.value.store(true, ordering: .releasing)
            self.queue.wake()
        }
    }

    /// Whether one run of a service was shut down.
    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    private func work(until isStopped: Flag) async {
        while let key = await queue.get(unless: { isStopped.value.load(ordering: .acquiring) }) {
            let start = ContinuousClock.now
            let outcome = await attempt(key)
            queue.done(key)
            observer?(
                ReconciliationObservation(
                    controller: name, outcome: outcome, duration: start.duration(to: .now),
                    queueDepth: queue.count))
        }
    }

    private func attempt(_ key: Key) async -> ReconciliationObservation.Outcome {
        do {
            let result = try await reconcile(key)
            queue.forget(key)
            guard let delay = result.requeueAfter else { return .success }
            queue.add(key, after: delay)
            return .requeue
        } catch is CancellationError where Task.isCancelled {
            return .error
        } catch {
            let known = error as? KubernetesError
            // A failure that passes by itself gets short waits: work goes on within seconds of its end,
            // however long it lasted.
            let passes = known?.isRetryable == true || known?.isConflict == true
            queue.addRateLimited(
                key, atLeast: known?.retryAfter ?? .zero,
                atMost: passes ? JitteredBackoff.reconnecting.maximum : nil)
            report(error, of: key)
            return .error
        }
    }

    /// Logs a failure. A conflict is ordinary in optimistic concurrency, since the cache catches up: it is
    /// logged at debug level.
    private func report(_ error: any Error, of key: Key) {
        let isOrdinary = (error as? KubernetesError)?.isConflict == true
        logger.log(level: isOrdinary ? .debug : .warning, "reconciling \(key) failed: \(error)")
    }
}
