import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import ServiceLifecycle
import Synchronization

/// Runs a term of work while this process holds a lease, so that one of several processes works at a time.
///
/// A process that loses the lease ends its term and stands by again with its caches; it does not exit, so
/// that after an outage of the API server it goes on at once, without a restart's back-off and without
/// reading everything anew. A shutdown ends the term first, then gives the lease up.
public final class LeaderElection: ServiceLifecycle.Service {
    /// Work of a leader, which runs while the lease is held. It is cancelled when the lease is lost, and shut
    /// down gracefully with the service; it must return soon after either.
    public typealias Term = @Sendable () async throws -> Void

    /// Time for the term to end by itself at a shutdown, before it is cancelled.
    private static let grace = Duration.seconds(1)
    /// A server that says nothing is waited for so long once the service is to end.
    private static let patience = Duration.seconds(1)
    /// A term that goes on for so long after its end is stuck.
    private static let stuckAfter = Duration.seconds(30)

    enum Signal: Hashable, Sendable { case timer, leaseSeen, termEnded, shutDown, graceOver }

    private struct State {
        var isShutDown = false
        var graceIsOver = false
        var termHasEnded = false
        var seen: Lease??
        var endingSince: ContinuousClock.Instant?
    }

    let client: KubernetesClient
    let key: ObjectKey
    let logger: Logger
    let timing: LeaderElector.Timing
    private let identity: String
    private let fence: WriteFence
    private let now: @Sendable () -> MicroTime
    private let term: Term
    private let signals = WorkQueue<Signal>()
    private let state = Mutex(State())

    /// - Parameters:
    ///   - client: a client that is not fenced.
    ///   - identity: differs from that of any other process, an earlier one of this pod included.
    ///   - fence: fence of the term's clients: opened while the lease is held, and closed otherwise.
    ///   - now: time of day that is written into the lease for people; no decision depends on it.
    public init(
        client: KubernetesClient, lease key: ObjectKey, identity: String,
        timing: LeaderElector.Timing = LeaderElector.Timing(), fence: WriteFence,
        now: @escaping @Sendable () -> MicroTime = EventRecorder.systemTime,
        logger: Logger = Logger(label: "anneal.election"), term: @escaping Term
    ) {
        self.client = client
        self.key = key
        self.identity = identity
        self.timing = timing
        self.fence = fence
        self.now = now
        self.term = term
        var logger = logger
        logger[metadataKey: "lease"] = "\(key)"
        logger[metadataKey: "identity"] = "\(identity)"
        self.logger = logger
    }

    public var isLeading: Bool { fence.isOpen }

    /// Problem that keeps the process from doing its part, for a liveness check; nil if there is none.
    public var problem: String? {
        guard let since = state.withLock({ $0.endingSince }), since + Self.stuckAfter < .now else {
            return nil
        }
        return "the work of a lost lease has not ended for \(since.duration(to: .now))"
    }

    /// Stands by and leads in turn, until the service is shut down or a term fails.
    public func run() async throws {
        try await withGracefulShutdownHandler {
            var elector = LeaderElector(identity: identity, timing: timing)
            while await campaign(&elector) { try await lead(&elector) }
        } onGracefulShutdown: {
            self.state.withLock { $0.isShutDown = true }
            self.signals.add(.shutDown)
        }
    }

    private var moment: LeaderElector.Moment { .init(instant: .now, time: now()) }
    private var isShutDown: Bool { state.withLock { $0.isShutDown } || Task.isCancelled }

    /// Stands by until this process leads; false if it is shut down or cancelled before.
    private func campaign(_ elector: inout LeaderElector) async -> Bool {
        guard !isShutDown else { return false }
        logger.info("standing by")
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.watchLease() }
            defer { group.cancelAll() }
            var action = elector.next(at: moment)
            while !isShutDown {
                let holder = elector.holder
                let event = await perform(action, by: elector)
                action = elector.handle(event, at: moment)
                if elector.leads(at: .now) { return true }
                if let leader = elector.holder, leader != holder, !leader.isEmpty, leader != identity {
                    logger.info("following", metadata: ["leader": "\(leader)"])
                }
            }
            return false
        }
    }
}

// MARK: Leading

extension LeaderElection {
    /// Runs a term and renews the lease, and gives the lease up after it if it is still held.
    private func lead(_ elector: inout LeaderElector) async throws {
        state.withLock { state in
            state.termHasEnded = false
            state.seen = nil
        }
        openFence(elector)
        logger.notice("leading")
        defer { state.withLock { $0.endingSince = nil } }
        let (isKept, failure) = await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask { await self.runTerm() }
            let isKept = await renew(&elector)
            if !isKept {
                fence.close()
                logger.warning("the lease is lost: ending all work of a leader")
            }
            state.withLock { $0.endingSince = .now }
            group.cancelAll()
            return (isKept, await group.next() ?? nil)
        }
        // A cancelled task cannot send requests any more.
        if isKept, !Task.isCancelled { await release(&elector) }
        fence.close()
        if let failure { throw failure }
        guard !isKept || isShutDown else { throw TermEnded() }
    }

    /// Runs the term and returns its error; nil if it returned or was cancelled.
    private func runTerm() async -> (any Error)? {
        defer {
            state.withLock { $0.termHasEnded = true }
            signals.add(.termEnded)
        }
        do {
            try await term()
        } catch {
            // A cancelled term may throw anything.
            return Task.isCancelled ? nil : error
        }
        return nil
    }

    /// Renews the lease until the term has ended or must end; false if the lease is lost.
    private func renew(_ elector: inout LeaderElector) async -> Bool {
        var action = elector.next(at: moment)
        while elector.leads(at: .now) {
            openFence(elector)
            if state.withLock({ $0.termHasEnded || $0.graceIsOver }) || Task.isCancelled { return true }
            let event = await perform(action, by: elector)
            action = elector.handle(event, at: moment)
        }
        return false
    }

    private func openFence(_ elector: LeaderElector) {
        guard let window = elector.window(at: .now) else { return fence.close() }
        fence.open(.init(sendBefore: window.sendBefore, finishBefore: window.finishBefore))
    }

    /// Gives the lease up, so that another process need not wait until it expires.
    private func release(_ elector: inout LeaderElector) async {
        let end = ContinuousClock.now + Self.patience
        for _ in 0..<2 where end > .now {
            guard let action = elector.release(at: moment) else { return }
            let event = await perform(action, by: elector, before: end)
            if case .written = event { return logger.notice("the lease is given up") }
            _ = elector.handle(event, at: moment)
            // A renewal whose answer was lost has changed the version.
            _ = elector.handle(await perform(.read, by: elector, before: end), at: moment)
        }
        logger.warning("the lease could not be given up: it ends by itself")
    }
}

// MARK: Acting

extension LeaderElection {
    /// Does what the elector wants next, and says what came of it.
    ///
    /// - Parameter end: When an answer is no longer waited for; nil for the lease's own limits alone.
    private func perform(
        _ action: LeaderElector.Action, by elector: LeaderElector, before end: ContinuousClock.Instant? = nil
    ) async -> LeaderElector.Event {
        if case .wait(let until) = action { return await wait(until: until) }
        let now = ContinuousClock.now
        // The leader must hear of a failure while there is still time for another attempt.
        let window = elector.window(at: now).map { now.duration(to: $0.sendBefore) }
        let left = end.map { max(.milliseconds(1), now.duration(to: $0)) }
        let limit = timing.renewDeadline / 2
        var client = client.timed(min(limit, window ?? limit, left ?? limit))
        // A leader's renewal that comes late is fenced off like any other write of its.
        if window != nil { client = client.fenced(by: fence) }
        return await withTaskGroup(of: LeaderElector.Event?.self) { [client] group in
            group.addTask { await self.request(action, by: client) }
            group.addTask {
                // A request to a silent server, sent before a shutdown, must not hold the shutdown up.
                try? await gracefulShutdown()
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            guard let first else { return await (group.next() ?? nil) ?? .failed }
            return first
        }
    }

    private func request(_ action: LeaderElector.Action, by client: KubernetesClient) async
        -> LeaderElector.Event
    {
        let sentAt = ContinuousClock.now
        do throws(KubernetesError) {
            switch action {
            case .wait: return .waited
            case .read: return .seen(try await client.get(Lease.self, key))
            case .create(let spec):
                let metadata = ObjectMeta(name: key.name, namespace: key.namespace)
                return .written(
                    try await client.create(Lease(metadata: metadata, spec: spec)), sentAt: sentAt)
            case .update(let lease): return .written(try await client.update(lease), sentAt: sentAt)
            }
        } catch {
            switch action {
            case .read where error.isNotFound: return .seen(nil)
            case .update where error.isNotFound || error.isConflict: return .refused
            case .create where error.isAlreadyExists: return .refused
            default: break
            }
            logger.warning("the lease cannot be read or written: \(error)")
            return .failed
        }
    }

    private func wait(until: ContinuousClock.Instant) async -> LeaderElector.Event {
        signals.add(.timer, after: ContinuousClock.now.duration(to: until))
        guard let signal = await signals.get() else { return .waited }
        signals.done(signal)
        switch signal {
        case .leaseSeen:
            let seen = state.withLock { state in
                defer { state.seen = nil }
                return state.seen
            }
            if let seen { return .seen(seen) }
        case .shutDown: signals.add(.graceOver, after: Self.grace)
        case .graceOver: state.withLock { $0.graceIsOver = true }
        case .timer, .termEnded: break
        }
        return .waited
    }

    /// Takes a lease that the watch saw.
    func noteSeen(_ lease: Lease?) {
        state.withLock { $0.seen = .some(lease) }
        signals.add(.leaseSeen)
    }
}

/// A term that returned though nobody asked it to.
struct TermEnded: Error, CustomStringConvertible {
    var description: String { "the work of the leader ended by itself" }
}
