import Foundation
import HTTPTransport
import Logging
import ObjectStorage
import Synchronization
import Testing

/// An S3 server of the test process.
public protocol TestStore: Sendable {
    var port: UInt16 { get }
    var credentials: S3Credentials { get }
}

extension TestStore {
    public var endpoint: String { "http://127.0.0.1:\(port)" }

    /// Runs Python with `s3`, an independent S3 client of boto3, and returns its output.
    public func boto(_ script: String, _ arguments: [String] = []) throws -> String {
        let path = try #require(MotoServer.executable)
        let beside = URL(filePath: path).deletingLastPathComponent().appending(path: "python3").path
        let python = FileManager.default.isExecutableFile(atPath: beside) ? beside : "/usr/bin/env"
        let preamble = """
            import boto3, sys, json, hashlib
            s3 = boto3.client("s3", endpoint_url="\(endpoint)", region_name="us-east-1",
                aws_access_key_id="\(credentials.accessKey)", aws_secret_access_key="\(credentials.secretKey)")
            """
        let text = preamble + "\n" + script
        let command = python == beside ? ["-c", text] : ["python3", "-c", text]
        return try Executable.output(of: python, command + arguments)
    }
}

/// A moto server, which checks no signatures. Its program comes from `ANNEAL_MOTO_SERVER`, or from the `PATH`.
public final class MotoServer: TestStore {
    public static let executable = Executable.find("moto_server", variable: "ANNEAL_MOTO_SERVER")
    public static let isMissing: Comment =
        "NOT RUN: no moto_server; set ANNEAL_MOTO_SERVER to it, or run hack/setup servers"

    /// The server, started once; every test has buckets of its own.
    public static let shared: Result<MotoServer, any Error> = Result { try MotoServer() }

    public let port: UInt16
    public let credentials = S3Credentials(accessKey: "key", secretKey: "secret")
    private let process: RunningProgram

    private init() throws {
        let path = try #require(Self.executable)
        port = try Executable.freePort()
        process = try RunningProgram(path, ["-H", "127.0.0.1", "-p", "\(port)"])
        try process.waitUntilListening(on: port)
    }
}

/// OpenStack Swift with its S3 layer, which checks signatures. `ANNEAL_SIGNATURES` is the Python that has it.
public final class SigningStore: TestStore {
    public static let python: String? = {
        let path = ProcessInfo.processInfo.environment["ANNEAL_SIGNATURES"] ?? ""
        return path.isEmpty ? nil : path
    }()
    public static let isMissing: Comment =
        "NOT RUN: no S3 server that checks signatures; run hack/setup signatures, and set ANNEAL_SIGNATURES to its python"

    public static let shared: Result<SigningStore, any Error> = Result { try SigningStore() }

    public let port: UInt16
    public let credentials = S3Credentials(accessKey: "test:tester", secretKey: "testing")
    private let process: RunningProgram

    private init() throws {
        let python = try #require(Self.python)
        port = try Executable.freePort()
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "signing-store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        process = try RunningProgram(
            python,
            [
                RepositoryManifest.repository.appending(path: "hack/object-store.py").path, "--port",
                "\(port)",
                "--folder", folder.path,
            ])
        try process.waitUntilListening(on: port)
        // The proxy listens before the servers behind it do.
        for _ in 0..<200 {
            if (try? boto("s3.create_bucket(Bucket='is-it-ready')")) != nil { return }
            usleep(50_000)
        }
        throw Executable.Failure(description: "the S3 server of \(python) does not become ready")
    }
}

/// Runs each test of a suite on moto, and once more on the store that checks signatures, where that is there.
public struct EachStore: SuiteTrait, TestTrait, TestScoping {
    @TaskLocal static var isSigning = false

    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await function()
        guard SigningStore.python != nil else { return }
        try await Self.$isSigning.withValue(true) { try await function() }
    }
}

extension Trait where Self == EachStore {
    public static var onEachStore: EachStore { EachStore() }
}
