import KubernetesAPI
import SeededRandomness

/// The decisions of one of several processes of which one is to lead, as a value. It does nothing by itself:
/// it is told events and answers with the next action. The record is a `Lease`, as client-go keeps it.
///
/// No wall clock is compared with another one. A follower measures, by its own clock, for how long the record
/// has not changed. The leader counts from the moment at which it *sent* the last renewal that the server
/// confirmed, and stops before any follower that saw this renewal may take over. Each write names the version
/// that it replaces, so a late or repeated one changes nothing.
public struct LeaderElector: Sendable {
    public typealias Instant = ContinuousClock.Instant

    public struct Timing: Hashable, Sendable {
        /// Time without a change after which a record belongs to nobody. Whole seconds.
        public var leaseDuration: Duration
        /// Time without a renewal after which the leader stops. Shorter than `leaseDuration`.
        public var renewDeadline: Duration
        /// Time between two renewals, or two attempts at one.
        public var retryPeriod: Duration

        public init(
            leaseDuration: Duration = .seconds(15), renewDeadline: Duration = .seconds(10),
            retryPeriod: Duration = .seconds(2)
        ) {
            // A lease states its duration in whole seconds, and other processes go by them.
            self.leaseDuration = .seconds(max(1, leaseDuration.components.seconds))
            self.renewDeadline = min(renewDeadline, self.leaseDuration)
            self.retryPeriod = retryPeriod
        }
    }

    /// A moment in two forms: `instant` to measure by, `time` to write down for people.
    public struct Moment: Sendable {
        public var instant: Instant
        public var time: MicroTime

        public init(instant: Instant, time: MicroTime) {
            self.instant = instant
            self.time = time
        }
    }

    /// Next step of the caller, who answers it with an event.
    public enum Action: Hashable, Sendable {
        /// Read the lease; answered by `seen` or `failed`.
        case read
        /// Create the lease; answered by `written`, `refused` or `failed`.
        case create(LeaseSpec)
        /// Replace the lease if its version is still this one; answered by `written`, `refused` or `failed`.
        case update(Lease)
        /// Wait for a change of the lease until then at most; answered by `seen` or `waited`.
        case wait(until: Instant)
    }

    public enum Event: Sendable {
        /// The lease as the server has it; nil if there is none.
        case seen(Lease?)
        /// The server confirmed a write and answered with this lease.
        case written(Lease, sentAt: Instant)
        /// The server refused a write: the lease is not what it was thought to be.
        case refused
        /// The server did not answer, or its answer says nothing about the lease.
        case failed
        case waited
    }

    private struct Record: Sendable {
        var lease: Lease
        /// Instant at which this content was first seen.
        var since: Instant
    }

    public let identity: String
    private let timing: Timing
    private var random: SeededGenerator
    /// The lease as it was last seen. It stays when the lease is deleted: its holder may not know yet.
    private var record: Record?
    private var isAbsent = false
    /// Whether `record` may be relied on; if not, the lease is read first.
    private var isFresh = false
    /// Instant at which the newest confirmed write was sent that made or kept this process the holder; nil if
    /// it does not hold the lease.
    private var renewedAt: Instant?
    private var notBefore: Instant?

    public init(identity: String, timing: Timing = Timing(), random: SeededGenerator = SeededGenerator()) {
        self.identity = identity
        self.timing = timing
        self.random = random
    }

    /// Instants until which this process may send writes as the leader, and must have finished them; nil if
    /// it does not lead.
    public func window(at now: Instant) -> (sendBefore: Instant, finishBefore: Instant)? {
        guard let renewedAt, renewedAt + timing.renewDeadline > now else { return nil }
        return (renewedAt + timing.renewDeadline, renewedAt + timing.leaseDuration)
    }

    public func leads(at now: Instant) -> Bool { window(at: now) != nil }

    /// Holder of the lease, as far as it is known.
    public var holder: String? { isAbsent ? nil : record?.lease.spec?.holderIdentity }

    public mutating func handle(_ event: Event, at now: Moment) -> Action {
        switch event {
        case .seen(let lease): observe(lease, at: now.instant)
        case .written(let lease, let sentAt):
            observe(lease, at: now.instant)
            guard lease.spec?.holderIdentity == identity else { break }
            renewedAt = max(renewedAt ?? sentAt, sentAt)
            notBefore = sentAt + timing.retryPeriod
        case .refused: isFresh = false
        case .failed:
            isFresh = false
            notBefore = now.instant + timing.retryPeriod * Double.random(in: 1...1.2, using: &random)
        case .waited: break
        }
        return next(at: now)
    }

    /// Next action at this moment, without a new event.
    public mutating func next(at now: Moment) -> Action {
        if renewedAt != nil, !leads(at: now.instant) {
            // A process that was stopped past its deadline reads the lease first: a write would be refused,
            // but it would be sent without the lead.
            renewedAt = nil
            isFresh = false
        }
        if let notBefore, notBefore > now.instant { return .wait(until: notBefore) }
        guard isFresh else { return .read }
        if let expiry = expiryOfOther(), expiry > now.instant { return .wait(until: expiry) }
        guard let record, !isAbsent else { return .create(spec(at: now.time, replacing: nil)) }
        var lease = record.lease
        lease.spec = spec(at: now.time, replacing: lease.spec)
        return .update(lease)
    }

    /// The write that gives the lease up at once; nil if this process does not hold it.
    public func release(at now: Moment) -> Action? {
        guard leads(at: now.instant), let record, !isAbsent, record.lease.spec?.holderIdentity == identity
        else {
            return nil
        }
        var lease = record.lease
        lease.spec?.holderIdentity = ""
        lease.spec?.leaseDurationSeconds = 1
        lease.spec?.acquireTime = now.time
        lease.spec?.renewTime = now.time
        return .update(lease)
    }

    private mutating func observe(_ lease: Lease?, at now: Instant) {
        isFresh = true
        isAbsent = lease == nil
        guard let lease else { return }
        let isNews = record?.lease.spec != lease.spec
        record = Record(lease: lease, since: isNews ? now : record?.since ?? now)
        // Another holder means that this process does not lead, whatever it thought.
        if lease.spec?.holderIdentity != identity { renewedAt = nil }
    }

    /// Instant at which another holder's record expires, also one whose lease was deleted; nil if no other
    /// process holds it.
    private func expiryOfOther() -> Instant? {
        guard let record, let holder = record.lease.spec?.holderIdentity, !holder.isEmpty, holder != identity
        else { return nil }
        let declared = record.lease.spec?.leaseDurationSeconds.map { Duration.seconds(min(max($0, 0), 3600)) }
        return record.since + (declared ?? timing.leaseDuration)
    }

    private func spec(at time: MicroTime, replacing old: LeaseSpec?) -> LeaseSpec {
        let isRenewal = old?.holderIdentity == identity
        var spec = old ?? LeaseSpec()
        spec.holderIdentity = identity
        spec.leaseDurationSeconds = timing.leaseDuration.components.seconds
        spec.renewTime = time
        if !isRenewal { spec.acquireTime = time }
        spec.leaseTransitions =
            old.map { isRenewal ? $0.leaseTransitions ?? 0 : ($0.leaseTransitions ?? 0) &+ 1 } ?? 0
        return spec
    }
}
