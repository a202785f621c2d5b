import Foundation
import HTTPTransport
import Logging
import ObjectStorage
import Synchronization
import Testing

/// A moto S3 server of the test process. Its program comes from `ANNEAL_MOTO_SERVER`, or from the `PATH`.
public final class MotoServer: Sendable {
    public static let executable = Executable.find("moto_server", variable: "ANNEAL_MOTO_SERVER")
    public static let isMissing: Comment =
        "NOT RUN: no moto_server; set ANNEAL_MOTO_SERVER to it, or run hack/setup servers"

    /// The server, started once; every test has buckets of its own.
    public static let shared: Result<MotoServer, any Error> = Result { try MotoServer() }

    public let port: UInt16
    private let process: RunningProgram

    private init() throws {
        let path = try #require(Self.executable)
        port = try Executable.freePort()
        process = try RunningProgram(path, ["-H", "127.0.0.1", "-p", "\(port)"])
        try process.waitUntilListening(on: port)
    }

    public var endpoint: String { "http://127.0.0.1:\(port)" }

    /// Runs Python with `s3`, an independent S3 client of boto3, and returns its output.
    public func boto(_ script: String, _ arguments: [String] = []) throws -> String {
        let path = try #require(Self.executable)
        let beside = URL(filePath: path).deletingLastPathComponent().appending(path: "python3").path
        let python = FileManager.default.isExecutableFile(atPath: beside) ? beside : "/usr/bin/env"
        let preamble = """
            import boto3, sys, json, hashlib
            s3 = boto3.client("s3", endpoint_url="\(endpoint)", region_name="us-east-1",
                aws_access_key_id="other", aws_secret_access_key="client")
            """
        let text = preamble + "\n" + script
        let command = python == beside ? ["-c", text] : ["python3", "-c", text]
        return try Executable.output(of: python, command + arguments)
    }
}

/// Resources of a test of storage: a bucket, a client, and a folder that is removed when the test ends.
public final class StorageFixture: Sendable {
    public let bucket: String
    public let client: S3Client
    public let folder: String
    public let server: MotoServer
    public let proxy: FaultProxy?
    /// Waits of the client between attempts.
    public let waits: WaitLog

    /// - Parameter faults: decision of a proxy about each request; nil for no proxy.
    public init(
        partSize: Int64 = 5 << 20, budget: Duration = .seconds(300),
        faults: (@Sendable (FaultProxy.Request) -> FaultProxy.Fault)? = nil
    ) async throws {
        server = try MotoServer.shared.get()
        let waits = WaitLog()
        self.waits = waits
        proxy = try faults.map { [port = server.port] in try FaultProxy(upstream: port, decide: $0) }
        let name = "test-" + UUID().uuidString.lowercased()
        bucket = name
        folder = FileManager.default.temporaryDirectory.appending(path: name).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var configuration = try S3Configuration(
            endpoint: proxy?.endpoint ?? server.endpoint, pathStyle: true,
            credentials: S3Credentials(accessKey: "key", secretKey: "secret"))
        configuration.partSize = partSize
        client = S3Client(
            configuration: configuration, transport: HTTPTransport(), retry: RetryPolicy(budget: { budget }),
            environment: waits.environment, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let create = HTTPRequest(method: "PUT", url: "\(server.endpoint)/\(name)")
        #expect(try await HTTPTransport().send(create).status == 200)
    }

    deinit {
        proxy?.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    public var logger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

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
