import ControllerRuntime
import KubernetesAPI
import SeededRandomness
import Testing

/// The decisions of one process for given events.
@Suite struct LeaderElectorTests {
    private static let start = ContinuousClock.now

    private func moment(_ seconds: Double) -> LeaderElector.Moment {
        .init(instant: Self.start + .seconds(seconds), time: MicroTime(seconds: 1_000 + Int64(seconds)))
    }

    private func instant(_ seconds: Double) -> ContinuousClock.Instant { Self.start + .seconds(seconds) }

    private func lease(
        holder: String, version: String = "7", renewed: Int64 = 1, seconds: Int64 = 15, transitions: Int64 = 3
    ) -> Lease {
        var lease = Lease(metadata: ObjectMeta(name: "operator", namespace: "anneal"), spec: LeaseSpec())
        lease.metadata.resourceVersion = version
        lease.spec?.holderIdentity = holder
        lease.spec?.leaseDurationSeconds = seconds
        lease.spec?.acquireTime = MicroTime(seconds: 1)
        lease.spec?.renewTime = MicroTime(seconds: renewed)
        lease.spec?.leaseTransitions = transitions
        return lease
    }

    /// The lease that an action writes; nil for any other action.
    private func written(_ action: LeaderElector.Action) -> Lease? {
        if case .update(let lease) = action { lease } else { nil }
    }

    @Test func `a lease that does not exist is created`() {
        var elector = LeaderElector(identity: "me")
        #expect(elector.next(at: moment(0)) == .read)
        guard case .create(let spec) = elector.handle(.seen(nil), at: moment(0)) else {
            Issue.record("not created")
            return
        }
        #expect(spec.holderIdentity == "me" && spec.leaseTransitions == 0 && spec.leaseDurationSeconds == 15)
        #expect(spec.acquireTime == spec.renewTime && spec.renewTime == moment(0).time)
    }

    @Test(arguments: ["", "me"]) func `a lease that was released, or is ours, is taken at once`(
        holder: String
    ) {
        var elector = LeaderElector(identity: "me")
        let action = elector.handle(.seen(lease(holder: holder)), at: moment(0))
        let update = written(action)
        #expect(update?.spec?.holderIdentity == "me" && update?.metadata.resourceVersion == "7")
        #expect(update?.spec?.leaseTransitions == (holder.isEmpty ? 4 : 3))
        #expect(update?.spec?.acquireTime == (holder.isEmpty ? moment(0).time : MicroTime(seconds: 1)))
        #expect(!elector.leads(at: instant(0)), "nobody has confirmed it")
    }

    @Test func `the wait for another's lease begins when its change is seen, whatever its clock says`() {
        var elector = LeaderElector(identity: "me")
        // The record's time of renewal does not matter, be it in the distant past or in the future.
        #expect(
            elector.handle(.seen(lease(holder: "other", renewed: 1)), at: moment(0))
                == .wait(until: instant(15)))
        #expect(
            elector.handle(.seen(lease(holder: "other", version: "8", renewed: 9_999_999)), at: moment(10))
                == .wait(until: instant(25)))
        // The same record under another version is no renewal.
        #expect(
            elector.handle(.seen(lease(holder: "other", version: "9", renewed: 9_999_999)), at: moment(20))
                == .wait(until: instant(25)))
        #expect(written(elector.handle(.waited, at: moment(25)))?.metadata.resourceVersion == "9")
    }

    @Test func `leading is counted from when the write was sent, and ends without a renewal`() {
        var elector = LeaderElector(identity: "me")
        let action = elector.handle(.seen(lease(holder: "")), at: moment(0))
        let update = written(action)
        guard let update else {
            Issue.record("no write")
            return
        }
        let next = elector.handle(.written(update, sentAt: instant(1)), at: moment(4))
        #expect(next == .wait(until: instant(4)) || written(next) != nil, "renews 2 s after the last sending")
        #expect(elector.window(at: instant(4))?.sendBefore == instant(11))
        #expect(elector.window(at: instant(4))?.finishBefore == instant(16))
        #expect(elector.leads(at: instant(10.9)) && !elector.leads(at: instant(11)))
    }

    @Test func `a confirmation after the end of the lease does not make a leader`() {
        var elector = LeaderElector(identity: "me")
        guard let update = written(elector.handle(.seen(lease(holder: "")), at: moment(0))) else {
            Issue.record("no write")
            return
        }
        // The process was stopped between sending the write and reading the answer.
        _ = elector.handle(.written(update, sentAt: instant(0)), at: moment(30))
        #expect(!elector.leads(at: instant(30)))
    }

    @Test func `a process that sees another holder no longer leads`() {
        var elector = leading()
        #expect(elector.leads(at: instant(1)))
        _ = elector.handle(.refused, at: moment(1))
        #expect(elector.next(at: moment(3)) == .read)
        _ = elector.handle(.seen(lease(holder: "other")), at: moment(3))
        #expect(!elector.leads(at: instant(3)))
        #expect(elector.release(at: moment(3)) == nil)
    }

    @Test func `a failed renewal is tried again after the retry period, with the lease read anew`() {
        var elector = leading()
        guard case .wait(let until) = elector.handle(.failed, at: moment(2)) else {
            Issue.record("tried again at once")
            return
        }
        #expect(until >= instant(4) && until <= instant(4.4))
        #expect(elector.leads(at: instant(4)))
        #expect(elector.handle(.waited, at: moment(4.4)) == .read)
    }

    @Test func `a lease that is deleted under its holder is not created by another one before it is over`() {
        var elector = LeaderElector(identity: "me")
        _ = elector.handle(.seen(lease(holder: "other")), at: moment(0))
        #expect(elector.handle(.seen(nil), at: moment(5)) == .wait(until: instant(15)))
        guard case .create = elector.handle(.waited, at: moment(15)) else {
            Issue.record("not created")
            return
        }
    }

    @Test func `a release names nobody and ends in a second`() {
        let elector = leading()
        guard let action = elector.release(at: moment(1)) else {
            Issue.record("not released")
            return
        }
        let released = written(action)
        #expect(released?.spec?.holderIdentity == "" && released?.spec?.leaseDurationSeconds == 1)
        #expect(released?.spec?.leaseTransitions == 4)
    }

    @Test func `timing is held to whole seconds, as the lease says them`() {
        let timing = LeaderElector.Timing(
            leaseDuration: .milliseconds(1900), renewDeadline: .milliseconds(1500))
        #expect(timing.leaseDuration == .seconds(1) && timing.renewDeadline == .seconds(1))
    }

    /// A process that leads since 0 s.
    private func leading() -> LeaderElector {
        var elector = LeaderElector(identity: "me", random: SeededGenerator(seed: 1))
        if let update = written(elector.handle(.seen(lease(holder: "")), at: moment(0))) {
            _ = elector.handle(.written(update, sentAt: instant(0)), at: moment(0))
        }
        return elector
    }
}
