import Foundation
import KubernetesAPI
import SeededRandomness
import Testing

extension EndToEnd {
    /// Faults between the operator and the API server: runs end as without them, nothing is made twice, and
    /// work goes on within seconds of the faults' end.
    @Suite(
        .cluster("faults", withOperator: false), .needs(.audit), .serialized, .timeLimit(.minutes(20)))
    struct Faults {
        private static let count = 5
        private static let names = (0..<count).map { "run-\($0)" }
        /// Seconds that an outage lasts: 60 in a full run, otherwise 6.
        private static let outage: Double =
            ProcessInfo.processInfo.environment["ANNEAL_FAULTS_FULL"] == "1" ? 60 : 6

        /// Creates runs while the faults happen, and checks the invariants.
        ///
        /// - Parameter end: ends the faults before the check.
        private func scenario(
            _ name: String, _ faults: Fault..., expecting actions: [String], rests: Bool = false,
            end: (@Sendable (PaperRuns) async throws -> Void)? = nil
        ) async throws {
            guard let cluster = Cluster.current else { throw OutsideSuite() }
            try await PaperRuns.prepare(cluster)
            try await PaperRuns.with(name) { runs in
                try await runs.proxy.make(faults)
                try await runs.create(Self.names)
                if let end { try await end(runs) }
                try await runs.finish(Self.count)
                try await runs.proxy.makeNone()
                try runs.holdInvariants(runs: Self.count)
                if rests { try await runs.holdSilence() }
                let counts = try await runs.proxy.counts()
                print("\(name): \(counts)")
                for action in actions { #expect(counts[action] ?? 0 > 0, "\(action) was never made") }
            }
        }

        @Test func `runs finish without faults`() async throws {
            try await scenario("undisturbed", expecting: [], rests: true)
        }

        @Test func `runs finish though connections are reset before and after the server acted`() async throws
        {
            try await scenario(
                "resets", .resetBefore.probability(0.15), .resetAfter.probability(0.25).of("write"),
                .resetAfter.probability(0.1).of("list"), expecting: ["resetBefore", "resetAfter"], rests: true
            )
        }

        @Test func `runs finish through a storm of conflicts`() async throws {
            try await scenario(
                "conflicts", .status(409, "Conflict").of("write").probability(0.35), expecting: ["status"])
        }

        @Test func `runs finish though requests are throttled with Retry-After`() async throws {
            try await scenario(
                "throttled", .status(429, "TooManyRequests", retryAfter: 1).probability(0.3),
                expecting: ["status"])
        }

        @Test func `runs finish through errors of the server's own`() async throws {
            try await scenario(
                "errors", .status(500, "InternalError").probability(0.35),
                .status(504, "Timeout").probability(0.1), expecting: ["status"])
        }

        @Test func `work goes on within five seconds of the end of an outage`() async throws {
            try await scenario("outage", expecting: ["status", "close"]) { runs in
                _ = try await eventually("work") { try runs.recovery(after: .distantPast) }
                try await runs.proxy.make([.status(503, "ServiceUnavailable"), .close(after: 0)])
                try await Task.sleep(for: .seconds(0.5))
                let begin = Date()
                try await Task.sleep(for: .seconds(Self.outage))
                #expect(try runs.recovery(after: begin) == nil)
                try await runs.proxy.makeNone()
                let end = Date()
                let seconds = try await eventually("a write after the outage", every: .milliseconds(50)) {
                    try runs.recovery(after: end)
                }
                print("outage: the first write came \(seconds) s after its end")
                #expect(seconds < 5)
            }
        }

        @Test func `runs finish though watches are closed every second`() async throws {
            try await scenario("closing", .close(after: 1), expecting: ["close"]) { _ in
                try await Task.sleep(for: .seconds(4))
            }
        }

        @Test func `runs finish though versions are too old, at connect and in the stream`() async throws {
            try await scenario(
                "expiry", .close(after: 0.7), .expireAtOpen.probability(0.5).on("resourceVersion="),
                .expireInStream.probability(0.03), expecting: ["expireAtOpen", "expireInStream"])
        }

        @Test func `runs finish though events are doubled and out of order`() async throws {
            try await scenario(
                "disorder", .double.probability(0.3), .reorder.probability(0.4),
                expecting: ["double", "reorder"], rests: true)
        }

        @Test func `runs finish though events are dropped until the next list`() async throws {
            try await scenario(
                "losses", .drop.probability(0.4), .double.probability(0.1), .reorder.probability(0.2),
                expecting: ["drop", "expireInStream"]
            ) { runs in
                for _ in 0..<4 {
                    try await Task.sleep(for: .seconds(1.5))
                    try await runs.proxy.make([
                        .drop.probability(0.4), .expireInStream.limit(12),
                    ])
                }
                try await Task.sleep(for: .seconds(1))
                // The last list shows everything.
                try await runs.proxy.make([.expireInStream.limit(12)])
                try await Task.sleep(for: .seconds(1))
            }
        }

        @Test func `lists of a stale server are refused`() async throws {
            try await scenario("stale", expecting: ["stale", "expireInStream"]) { runs in
                try await Task.sleep(for: .seconds(2))
                for _ in 0..<2 {
                    try await runs.proxy.make([.stale, .expireInStream.limit(12)])
                    try await Task.sleep(for: .seconds(3))
                    try await runs.proxy.makeNone()
                    try await Task.sleep(for: .seconds(1.5))
                }
            }
        }

        @Test func `runs finish though bytes trickle`() async throws {
            try await scenario("trickle", .slow.probability(0.5), expecting: ["slow"])
        }

        @Test func `runs finish through all faults at once and an operator that dies`() async throws {
            try await scenario(
                "everything", .resetBefore.probability(0.05), .resetAfter.probability(0.1).of("write"),
                .status(409, "Conflict").probability(0.1).of("write"),
                .status(500, "InternalError").probability(0.1), .close(after: 1.5), .double.probability(0.1),
                .reorder.probability(0.2), .slow.probability(0.1), .expireInStream.probability(0.01),
                expecting: ["resetAfter", "status", "close", "reorder"], rests: true
            ) { runs in
                for _ in 0..<3 {
                    try await Task.sleep(for: .seconds(1.5))
                    try await runs.restartOperator()
                }
            }
        }
    }

    /// Repeated deaths of the API server and of its storage.
    @Suite(
        .cluster("deaths", withOperator: false), .needs(.audit, .deaths), .serialized,
        .timeLimit(.minutes(15)))
    struct ServerDeaths {
        private static let kills = 20
        private static let count = 50

        @Test func `twenty deaths of the server lose none of fifty runs`() async throws {
            guard let cluster = Cluster.current else { throw OutsideSuite() }
            try await PaperRuns.prepare(cluster)
            try await PaperRuns.with("deaths") { runs in
                var random = SeededGenerator(seed: runs.seed)
                var names = (0..<Self.count).map { "run-\($0)" }[...]
                var slowest = 0.0
                for kill in 0..<Self.kills {
                    if !names.isEmpty {
                        // Half of the runs are created at the start, the others between the deaths.
                        let part = kill == 0 ? Self.count / 2 : 2
                        try await runs.create(Array(names.prefix(part)))
                        names = names.dropFirst(part)
                    }
                    try await Task.sleep(for: .milliseconds(Int(300 + random.next() % 1200)))
                    await cluster.killServers()
                    let down = Date()
                    try await Task.sleep(for: .milliseconds(Int(random.next() % 800)))
                    try await cluster.restartServers()
                    let outage = Date().timeIntervalSince(down)
                    // A kube-apiserver answers the operator before it says that it is ready.
                    let answered = try await eventually(
                        "the operator's return", within: .seconds(20), every: .milliseconds(50)
                    ) { try runs.answered(after: down) }
                    slowest = max(slowest, answered - outage)
                }
                try await runs.create(Array(names))
                print("deaths: the slowest return of the operator took \(slowest) s")
                #expect(slowest < 5)
                try await runs.finish(Self.count, within: .seconds(420))
                try runs.holdInvariants(runs: Self.count)
                try await runs.holdSilence()
            }
        }
    }
}
