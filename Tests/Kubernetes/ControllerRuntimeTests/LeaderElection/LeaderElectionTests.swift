import ControllerRuntime
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import ServiceLifecycle
import Synchronization
import Testing

/// The service against a server of one lease, with short timings.
@Suite(.timeLimit(.minutes(1)))
struct LeaderElectionTests {
    private struct TermFailed: Error {}

    /// Entries that a term writes about itself.
    private final class TermLog: Sendable {
        private let entries = Mutex<[String]>([])
        func note(_ entry: String) { entries.withLock { $0.append(entry) } }
        var all: [String] { entries.withLock { $0 } }
    }

    private let timing = LeaderElector.Timing(
        leaseDuration: .seconds(2), renewDeadline: .seconds(1), retryPeriod: .milliseconds(200))

    private func election(
        _ server: LeaseServer, _ identity: String, fence: WriteFence = WriteFence(),
        term: @escaping LeaderElection.Term
    ) -> LeaderElection {
        LeaderElection(
            client: KubernetesClient(
                configuration: ClusterConfiguration(server: server.url), transport: HTTPTransport()),
            lease: ObjectKey(namespace: "n", name: "operator"), identity: identity, timing: timing,
            fence: fence, term: term)
    }

    private func eventually(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// Waits for the end of the term, and notes its cause.
    private static func untilStopped(_ log: TermLog) async throws {
        log.note("began")
        defer { log.note("ended") }
        try await gracefulShutdown()
    }

    @Test func `a shutdown ends the term first, then gives the lease up, which the other one takes at once`()
        async throws
    {
        let server = try LeaseServer()
        let (first, second) = (TermLog(), TermLog())
        let heldAtEnd = Mutex<String?>(nil)
        let fence = WriteFence()
        let leader = election(server, "first", fence: fence) {
            try? await Self.untilStopped(first)
            heldAtEnd.withLock { $0 = server.holder }
        }
        let standby = election(server, "second") { try await Self.untilStopped(second) }
        let group = ServiceGroup(services: [leader], logger: .init(label: "test"))
        let other = ServiceGroup(services: [standby], logger: .init(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await eventually { leader.isLeading && first.all == ["began"] }
            tasks.addTask { try await other.run() }
            // The leader renews, and the other process stands by.
            try await eventually { server.history.count > 3 }
            #expect(second.all == [] && fence.isOpen)
            let asked = ContinuousClock.now
            await group.triggerGracefulShutdown()
            try await eventually { standby.isLeading }
            #expect(asked.duration(to: .now) < timing.leaseDuration, "it waited for the lease's end")
            #expect(heldAtEnd.withLock { $0 } == "first", "given up before the term had ended")
            #expect(first.all == ["began", "ended"] && !fence.isOpen)
            await other.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(server.holder == "")
        #expect(second.all == ["began", "ended"])
        let transitions = server.history.compactMap { $0.spec?.leaseTransitions }
        #expect(transitions.last == 1 && transitions == transitions.sorted())
    }

    @Test func `an operator that loses the lease ends the term, stands by, and leads again when it can`()
        async throws
    {
        let server = try LeaseServer()
        let log = TermLog()
        let election = election(server, "me") { try await Self.untilStopped(log) }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await election.run() }
            try await eventually { log.all == ["began"] }
            server.put(holder: "thief", seconds: 1)
            try await eventually { log.all == ["began", "ended"] }
            #expect(!election.isLeading && election.problem == nil)
            try await eventually { log.all.count == 3 }
            #expect(election.isLeading && server.holder == "me")
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    @Test func `an outage ends the term within the renew deadline, and the term after it begins by itself`()
        async throws
    {
        let server = try LeaseServer()
        let log = TermLog()
        let fence = WriteFence()
        let election = election(server, "me", fence: fence) { try await Self.untilStopped(log) }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await election.run() }
            try await eventually { log.all == ["began"] }
            let down = ContinuousClock.now
            server.setDown(true)
            try await eventually { log.all == ["began", "ended"] }
            #expect(!fence.isOpen)
            #expect(down.duration(to: .now) < timing.leaseDuration)
            server.setDown(false)
            try await eventually { log.all.count == 3 && election.isLeading }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    @Test func `a term that fails gives the lease up and ends the service`() async throws {
        let server = try LeaseServer()
        let election = election(server, "me") { throw TermFailed() }
        await #expect(throws: TermFailed.self) { try await election.run() }
        #expect(server.holder == "")
    }

    @Test func `a term that does not hear a shutdown is cancelled`() async throws {
        let server = try LeaseServer()
        let log = TermLog()
        let election = election(server, "me") {
            log.note("began")
            defer { log.note("ended") }
            try await Task.sleep(for: .seconds(600))
        }
        let group = ServiceGroup(services: [election], logger: .init(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await eventually { log.all == ["began"] }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(log.all == ["began", "ended"] && server.holder == "")
    }

    @Test func `a server that says nothing does not hold up a shutdown`() async throws {
        let server = try LeaseServer()
        // Of an hour: only the shutdown itself can end what was sent.
        let patient = LeaderElector.Timing(
            leaseDuration: .seconds(3600), renewDeadline: .seconds(3600), retryPeriod: .milliseconds(50))
        let log = TermLog()
        let election = LeaderElection(
            client: KubernetesClient(
                configuration: ClusterConfiguration(server: server.url), transport: HTTPTransport()),
            lease: ObjectKey(namespace: "n", name: "operator"), identity: "me", timing: patient,
            fence: WriteFence()
        ) { try await Self.untilStopped(log) }
        let group = ServiceGroup(services: [election], logger: .init(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await eventually { log.all == ["began"] && server.history.count > 2 }
            server.fallSilent()
            // A renewal is under way by then.
            try await Task.sleep(for: .milliseconds(200))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(log.all == ["began", "ended"])
        #expect(server.holder == "me", "nobody was told that the lease is free")
    }
}
