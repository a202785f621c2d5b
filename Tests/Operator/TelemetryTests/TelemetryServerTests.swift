import Foundation
import HTTPTransport
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization
import Telemetry
import Testing

@Suite struct TelemetryServerTests {
    private static func withServer(
        _ endpoints: TelemetryServer.Endpoints, _ body: (String) async throws -> Void
    ) async throws {
        let (ports, input) = AsyncStream.makeStream(of: Int.self)
        let server = TelemetryServer(
            address: "127.0.0.1", port: 0, endpoints: endpoints,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"),
            onListening: { input.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body("http://127.0.0.1:\(port)")
            group.cancelAll()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
    }

    private static func get(_ url: String) async throws -> (status: Int, type: String, body: String) {
        let transport = HTTPTransport()
        defer { transport.shutdown() }
        let response = try await transport.send(HTTPRequest(url: url, timeout: .seconds(10)))
        return (
            response.status, response[header: "Content-Type"] ?? "",
            String(decoding: response.body, as: UTF8.self)
        )
    }

    @Test func `metrics are served in Prometheus' format`() async throws {
        let registry = PrometheusRegistry([MetricDescription("test_up", .gauge, "Up.")])
        registry.addCollector { [MetricSample("test_up", value: 1)] }
        try await Self.withServer(.init(metrics: registry)) { base in
            let answer = try await Self.get(base + "/metrics")
            #expect(answer.status == 200 && answer.type == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer.body == "# HELP test_up Up.\n# TYPE test_up gauge\ntest_up 1\n")
            #expect(try await Self.get(base + "/healthz").status == 404)
        }
    }

    @Test func `readiness names the missing parts, and all parts when asked`() async throws {
        let missing = Mutex<String?>("pods were not listed yet")
        let checks = [
            HealthCheck("caches") { missing.withLock { $0 } }, HealthCheck("webhook") { nil },
        ]
        try await Self.withServer(.init(liveness: [], readiness: checks)) { base in
            let failed = try await Self.get(base + "/readyz")
            #expect(failed.status == 500)
            #expect(
                failed.body == """
                    [+]ping ok
                    [-]caches failed: pods were not listed yet
                    [+]webhook ok
                    readyz check failed

                    """)
            #expect(try await Self.get(base + "/healthz").status == 200)
            missing.withLock { $0 = nil }
            let ready = try await Self.get(base + "/readyz")
            #expect(ready.status == 200 && ready.body == "ok")
            let verbose = try await Self.get(base + "/readyz?verbose")
            #expect(verbose.body == "[+]ping ok\n[+]caches ok\n[+]webhook ok\nreadyz check passed\n")
        }
    }

    @Test func `a port that is taken is named, with a remedy`() async throws {
        try await Self.withServer(.init(liveness: [])) { base in
            let port = try #require(Int(base.split(separator: ":").last ?? ""))
            let second = TelemetryServer(
                address: "127.0.0.1", port: port, endpoints: .init(liveness: []),
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"))
            do {
                try await second.run()
                Issue.record("two servers listen on one port")
            } catch {
                #expect("\(error)".contains("127.0.0.1:\(port)") && "\(error)".contains("another port"))
            }
        }
    }
}
