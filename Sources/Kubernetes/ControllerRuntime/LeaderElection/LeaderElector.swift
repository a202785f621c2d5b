import KubernetesAPI
import SeededRandomness

/// The decisions of one of several processes of which one is to lead, as a value. It does nothing by itself: it
/// is told what happened and answers what to do next. The record is a `Lease`, as client-go keeps it.
///
/// Nobody's wall clock is compared with another's. Who follows measures, by its own clock, for how long the
/// record has not changed; who leads counts from the moment at which it *sent* the last renewal that the server
/// confirmed, and stops before anybody who saw that renewal can think it over. Each write names the version
/// that it replaces, so one that comes late or twice changes nothing.
public struct LeaderElector: Sendable {
    public typealias Instant = ContinuousClock.Instant

    public struct Timing: Hashable, Sendable {
        /// A record that did not change for so long belongs to nobody.
        public var leaseDuration: Duration
        /// Who could not renew for so long leads no more. Shorter than `leaseDuration`.
        public var renewDeadline: Duration
        /// Between two renewals, or two tries.
        public var retryPeriod: Duration

        public init(
            leaseDuration: Duration = .seconds(15), renewDeadline: Duration = .seconds(10),
            retryPeriod: Duration = .seconds(2)
        ) {
            // A lease says whole seconds, and others go by what it says.
            self.leaseDuration = .seconds(max(1, leaseDuration.components.seconds))
            self.renewDeadline = min(renewDeadline, self.leaseDuration)
            self.retryPeriod = retryPeriod
        }
    }

    /// One and the same moment: to measure by, and to write down for people.
    public struct Moment: Sendable {
        public var instant: Instant
        public var time: MicroTime

        public init(instant: Instant, time: MicroTime) {
            self.instant = instant
            self.time = time
        }
    }

    /// What to do next, answered by an event.
    public enum Action: Hashable, Sendable {
        /// Read the lease: `seen` or `failed`.
        case read
        /// Create the lease: `written`, `refused` or `failed`.
        case create(LeaseSpec)
        /// Replace the lease if its version is still this one: `written`, `refused` or `failed`.
        case update(Lease)
        /// Wait for a change of the lease, `seen`, but not longer than that: `waited`.
        case wait(until: Instant)
    }

    public enum Event: Sendable {
        /// The lease as the server has it; nil: there is none.
        case seen(Lease?)
        /// The server confirmed a write, and answered with this.
        case written(Lease, sentAt: Instant)
        /// The lease is not what it was thought to be.
        case refused
        /// There was no answer, or one that says nothing about the lease.
        case failed
        case waited
    }

    private struct Record: Sendable {
        var lease: Lease
        /// When what it says was first seen.
        var since: Instant
    }

    public let identity: String
    private let timing: Timing
    private var random: SeededGenerator
    /// What was seen last; stays when the lease is deleted, as its holder may not know.
    private var record: Record?
    private var isAbsent = false
    /// Whether what was seen last may be used; otherwise the lease is read first.
    private var isFresh = false
    /// When the newest confirmed write was sent that made or kept us the holder.
    private var renewedAt: Instant?
    private var notBefore: Instant?

    public init(identity: String, timing: Timing = Timing(), random: SeededGenerator = SeededGenerator()) {
        self.identity = identity
        self.timing = timing
        self.random = random
    }

    /// Until when this process may write as the leader; nil if it does not lead.
    public func window(at now: Instant) -> (sendBefore: Instant, finishBefore: Instant)? {
        guard let renewedAt, renewedAt + timing.renewDeadline > now else { return nil }
        return (renewedAt + timing.renewDeadline, renewedAt + timing.leaseDuration)
    }

    public func leads(at now: Instant) -> Bool { window(at: now) != nil }

    /// Who holds the lease, as far as is known.
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

    /// What to do at this moment, nothing new having happened.
    public mutating func next(at now: Moment) -> Action {
        if renewedAt != nil, !leads(at: now.instant) {
            // Who was stopped for so long looks first: a write would be refused, but it would be one.
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
        // Somebody else holds it: whatever we thought, we lead no more.
        if lease.spec?.holderIdentity != identity { renewedAt = nil }
    }

    /// When the record of another holder is over, or that of a lease that was deleted under its holder.
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
