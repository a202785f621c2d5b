import Foundation
import Synchronization
import TestSupport
import Testing

@testable import ObjectStorage

/// Faults of networks and stores.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing), .onEachStore)
struct TransferFaultTests {
    private static func isGet(_ request: FaultProxy.Request) -> Bool { request.method == "GET" }

    @Test func `a store that is down for a while is waited for`() async throws {
        let fixture = try await StorageFixture {
            $0.index < 9 ? .status($0.index % 2 == 0 ? 503 : 500) : .pass
        }
        try await fixture.client.put(Data("x".utf8), to: fixture.location("k"))
        #expect(fixture.waits.all.count == 9)
        #expect(fixture.waits.all.reduce(.zero, +) > .seconds(20))
    }

    @Test(arguments: [408, 429, 500, 502, 503, 504])
    func `a request is repeated after a passing status`(status: Int) async throws {
        let fixture = try await StorageFixture { $0.index == 0 ? .status(status) : .pass }
        try await fixture.client.put(Data("x".utf8), to: fixture.location("k"))
        #expect(fixture.waits.all.count == 1)
    }

    @Test func `a budget that is spent is an error`() async throws {
        let fixture = try await StorageFixture(budget: .seconds(5)) { _ in .status(503) }
        let error = await #expect(throws: S3Error.self) {
            try await fixture.client.put(Data("x".utf8), to: fixture.location("k"))
        }
        #expect(error?.code == .unavailable)
    }

    enum Damage: CaseIterable { case reset, truncated, garbled, dropped }

    @Test(arguments: Damage.allCases)
    func `a download survives damage of any kind`(damage: Damage) async throws {
        let fixture = try await StorageFixture(partSize: 1 << 20) { _ in .pass }
        let data = StorageFixture.bytes((3 << 20) + 5)
        try await fixture.client.put(data, to: fixture.location("k"))
        let gets = Counter()
        fixture.proxy?.reset { request in
            guard Self.isGet(request), gets.next() < 2 else { return .pass }
            return switch damage {
            case .reset: .resetAfter(300_000)
            case .truncated: .truncateAfter(300_000)
            case .garbled: .garbleLastByte
            case .dropped: .dropRequest
            }
        }
        let result = try await fixture.client.download(fixture.location("k"), to: fixture.path("f"))
        #expect(result.sha256 == ContentDigest.sha256(data))
        #expect(try fixture.read("f") == data)
        #expect(fixture.proxy.map { $0.requests.filter(Self.isGet).count } ?? 0 > 4)
    }

    @Test func `bytes that are wrong twice are refused`() async throws {
        let fixture = try await StorageFixture { Self.isGet($0) ? .garbleLastByte : .pass }
        try await fixture.client.put(Data("abcdef".utf8), to: fixture.location("k"))
        let error = await #expect(throws: S3Error.self) {
            try await fixture.client.download(fixture.location("k"), to: fixture.path("f"))
        }
        #expect(error?.code == .checksumMismatch)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder).isEmpty)
    }

    /// Each request of a multipart upload is lost in turn, or its answer is.
    @Test(arguments: 0..<5, [true, false])
    func `an upload survives the loss of any request or reply`(request lost: Int, reply: Bool) async throws {
        let fixture = try await StorageFixture(partSize: 5 << 20) { request in
            request.index == lost ? (reply ? .loseReply : .dropRequest) : .pass
        }
        let data = StorageFixture.bytes((10 << 20) + 1)
        try fixture.write("up", data)
        let digest = ContentDigest.sha256(data)
        try await fixture.client.upload(file: fixture.path("up"), to: fixture.location("k"), sha256: digest)
        let seen = try fixture.server.boto(
            "print(hashlib.sha256(s3.get_object(Bucket=sys.argv[1], Key='k')['Body'].read()).hexdigest(), end='')",
            [fixture.bucket])
        #expect(seen == digest)
    }

    @Test func `an upload that fails leaves no parts`() async throws {
        let fixture = try await StorageFixture(partSize: 5 << 20, budget: .seconds(1)) { request in
            request.target.contains("partNumber=2") ? .status(503) : .pass
        }
        let data = StorageFixture.bytes((10 << 20) + 1)
        try fixture.write("up", data)
        await #expect(throws: S3Error.self) {
            try await fixture.client.upload(
                file: fixture.path("up"), to: fixture.location("k"), sha256: ContentDigest.sha256(data))
        }
        let left = try fixture.server.boto(
            "print(len(s3.list_multipart_uploads(Bucket=sys.argv[1]).get('Uploads', [])), end='')",
            [fixture.bucket])
        #expect(left == "0")
    }

    @Test func `an object that changes underway is noticed`() async throws {
        let fixture = try await StorageFixture(partSize: 1 << 20)
        let location = fixture.location("k")
        try await fixture.client.put(StorageFixture.bytes(2 << 20, seed: 1), to: location)
        var reader = try await ObjectReader(fixture.client, location, chunkSize: 1 << 20)
        _ = try await reader.next()
        try await fixture.client.put(StorageFixture.bytes(2 << 20, seed: 2), to: location)
        do {
            _ = try await reader.next()
            Issue.record("the second half of another object was read")
        } catch {
            #expect(error.code == .objectChanged)
        }
    }
}

/// A counter for several tasks.
final class Counter: Sendable {
    private let value = Mutex(0)

    /// The next number, from 0.
    func next() -> Int {
        value.withLock { value in
            defer { value += 1 }
            return value
        }
    }
}
