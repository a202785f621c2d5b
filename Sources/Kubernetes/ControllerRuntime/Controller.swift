import KubernetesClient
import Logging
import ServiceLifecycle
import Synchronization

/// What a reconciliation asks for.
public struct Reconciliation: Hashable, Sendable {
    /// Reconcile again after so long, though nothing changes; nil: when something changes.
    public var requeueAfter: Duration?

    public init(requeueAfter: Duration? = nil) { self.requeueAfter = requeueAfter }

    public static let done = Reconciliation()
}

/// How one reconciliation ended, for metrics.
public struct ReconciliationObservation: Sendable {
    public enum Outcome: String, Sendable { case success, requeue, error }

    public var controller: String
    public var outcome: Outcome
    public var duration: Duration
    /// Keys that wait.
    public var queueDepth: Int
}

/// Reconciles the keys of a queue, several at a time, never one key twice at once. A failed key comes
/// again, later with each failure.
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
    ///   - waitUntilReady: returns when work may begin: the caches were filled, the lease is held.
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
    /// is cancelled. The queue outlives the service: the controller of the next term goes on with it.
    public func run() async throws {
        let end = End()
        try await withGracefulShutdownHandler {
            try await cancelWhenGracefulShutdown { try await self.waitUntilReady() }
            await withDiscardingTaskGroup { group in
                for _ in 0..<workers { group.addTask { await self.work(until: end) } }
            }
        } onGracefulShutdown: {
            // A group of services that is cancelled may shut down some of them gracefully, too.
            end.hasCome.store(true, ordering: .sequentiallyConsistent)
            self.queue.wake()
        }
    }

    /// The end of one run of the controller.
    private final class End: Sendable {
        let hasCome = Atomic<Bool>(false)
    }

    private func work(until end: End) async {
        while let key = await queue.get(while: { !end.hasCome.load(ordering: .sequentiallyConsistent) }) {
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
            // What passes by itself is tried again within seconds of its end, however long it lasted.
            let passes = known?.isRetryable == true || known?.isConflict == true
            queue.addRateLimited(
                key, atLeast: known?.retryAfter ?? .zero,
                atMost: passes ? Backoff.reconnecting.maximum : nil)
            report(error, of: key)
            return .error
        }
    }

    /// A conflict is the ordinary course of optimistic concurrency: the cache will catch up.
    private func report(_ error: any Error, of key: Key) {
        let isOrdinary = (error as? KubernetesError)?.isConflict == true
        logger.log(level: isOrdinary ? .debug : .warning, "reconciling \(key) failed: \(error)")
    }
}
