import Foundation
import HTTPTransport
import Logging
import ObjectStorage
import Synchronization
import Testing

/// Resources of a test of storage: a bucket, a client, and a folder that is removed when the test ends.
public final class StorageFixture: Sendable {
    public let bucket: String
    public let client: S3Client
    public let folder: String
    public let server: any TestStore
    public let proxy: FaultProxy?
    /// Waits of the client between attempts.
    public let waits: WaitLog

    /// - Parameters:
    ///   - store: nil for the one that the test is run on.
    ///   - faults: decision of a proxy about each request; nil for no proxy.
    public init(
        store: (any TestStore)? = nil, partSize: Int64 = 5 << 20, budget: Duration = .seconds(300),
        faults: (@Sendable (FaultProxy.Request) -> FaultProxy.Fault)? = nil
    ) async throws {
        server =
            if let store { store } else if EachStore.isSigning { try SigningStore.shared.get() } else {
                try MotoServer.shared.get()
            }
        let waits = WaitLog()
        self.waits = waits
        proxy = try faults.map { [port = server.port] in try FaultProxy(upstream: port, decide: $0) }
        let name = "test-" + UUID().uuidString.lowercased()
        bucket = name
        folder = FileManager.default.temporaryDirectory.appending(path: name).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var configuration = try S3Configuration(
            endpoint: proxy?.endpoint ?? server.endpoint, pathStyle: true,
            credentials: server.credentials)
        configuration.partSize = partSize
        client = S3Client(
            configuration: configuration, transport: HTTPTransport(), retry: RetryPolicy(budget: { budget }),
            environment: waits.environment, logger: Self.silent)
        // Not through the proxy, which counts requests.
        let create = HTTPRequest(
            method: "PUT", url: "\(server.endpoint)/\(name)",
            awsSignature: AWSSignature(
                accessKey: server.credentials.accessKey, secretKey: server.credentials.secretKey,
                region: "us-east-1"))
        #expect(try await HTTPTransport().send(create).status == 200)
    }

    deinit {
        proxy?.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    public static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    public var logger: Logger { Self.silent }

    public var synchroniser: Synchroniser {
        Synchroniser(client: client, now: { Date(timeIntervalSince1970: 1_800_000_000) }, logger: logger)
    }

    public func location(_ key: String) -> S3Location { S3Location(bucket: bucket, key: key) }

    /// The path of a file in the fixture's folder.
    public func path(_ name: String) -> String { "\(folder)/\(name)" }

    @discardableResult
    public func write(_ name: String, _ data: Data) throws -> String {
        let url = URL(filePath: path(name))
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
        return url.path
    }

    public func read(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: path(name))) }

    /// Bytes that differ for any two seeds.
    public static func bytes(_ count: Int, seed: UInt64 = 1) -> Data {
        var state = seed
        let block = (0..<(64 << 10)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        var data = Data(capacity: count + block.count)
        var number: UInt64 = 0
        while data.count < count {
            withUnsafeBytes(of: number) { data.append(contentsOf: $0) }
            data.append(contentsOf: block)
            number += 1
        }
        return data.prefix(count)
    }
}

/// A clock that only waits move.
public final class WaitLog: Sendable {
    private let state = Mutex<[Duration]>([])

    public init() {}

    public var all: [Duration] { state.withLock { $0 } }

    public var environment: RetryEnvironment {
        RetryEnvironment(
            now: { self.all.reduce(.zero, +) },
            sleep: { duration in
                try Task.checkCancellation()
                self.state.withLock { $0.append(duration) }
                await Task.yield()
            },
            random: { 0.5 })
    }
}
