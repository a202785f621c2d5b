import Foundation
import HTTPTransport
import Logging
import TestSupport
import Testing

@testable import ObjectStorage

@Suite struct RetryTests {
    private func client(_ waits: WaitLog, budget: Duration) throws -> S3Client {
        S3Client(
            configuration: try S3Configuration(endpoint: "http://127.0.0.1:9"), transport: HTTPTransport(),
            retry: RetryPolicy(budget: { budget }), environment: waits.environment,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func `waits grow up to their limit`() {
        let policy = RetryPolicy(base: .milliseconds(200), cap: .seconds(10))
        let longest = (1...8).map { policy.delay(attempt: $0, random: 1) }
        #expect(longest == [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000].map { .milliseconds($0) })
        #expect(policy.delay(attempt: 1, random: 0) == .milliseconds(100))
        #expect(policy.delay(attempt: .max, random: 1) == .seconds(10))
    }

    @Test func `a request is repeated until the time for it is spent`() async throws {
        let waits = WaitLog()
        let client = try client(waits, budget: .seconds(60))
        var attempts = 0
        await #expect(throws: S3Error.self) {
            try await client.retrying("test") { _ async throws(S3Error) -> Void in
                attempts += 1
                throw S3Error(.unavailable, "down")
            }
        }
        #expect(attempts == waits.all.count + 1)
        #expect(waits.all.reduce(.zero, +) <= .seconds(60))
        #expect(waits.all.reduce(.zero, +) > .seconds(45))
    }

    @Test func `a failure that cannot pass is not repeated`() async throws {
        let waits = WaitLog()
        let client = try client(waits, budget: .seconds(60))
        await #expect(throws: S3Error(.accessDenied, "no")) {
            try await client.retrying("test") { _ async throws(S3Error) -> Void in
                throw S3Error(.accessDenied, "no")
            }
        }
        #expect(waits.all.isEmpty)
    }

    @Test func `a missing store is unavailable`() async throws {
        let client = try client(WaitLog(), budget: .seconds(1))
        let error = await #expect(throws: S3Error.self) {
            try await client.head(S3Location(bucket: "bucket", key: "key"))
        }
        #expect(error?.code == .unavailable)
        #expect(error?.isRetryable == true)
    }

    @Test func `parts cover a file of any size`() {
        for size: Int64 in [1, 8 << 20, (8 << 20) + 1, 3 << 40, 5 << 40] {
            let parts = S3Client.parts(of: size, least: 8 << 20)
            #expect(parts.count <= 10_000)
            #expect(parts.first?.lowerBound == 0)
            #expect(parts.last?.upperBound == size)
            #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        }
    }
}
