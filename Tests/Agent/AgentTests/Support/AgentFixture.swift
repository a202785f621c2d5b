import AnnealAPI
import Foundation
import HTTPTransport
import Logging
import ObjectStorage
import TestSupport
import Testing

@testable import Agent

/// A run against the moto server, with a workspace of its own.
final class AgentFixture: Sendable {
    let storage: StorageFixture
    let context: CommandContext
    let connection: StorageConnection
    let identity = RunIdentity(namespace: "team", name: "demo", uid: "uid", attempt: 1)

    init(faults: (@Sendable (FaultProxy.Request) -> FaultProxy.Fault)? = nil) async throws {
        storage = try await StorageFixture(faults: faults)
        connection = StorageConnection(
            endpoint: storage.proxy?.endpoint ?? storage.server.endpoint, pathStyle: true)
        context = CommandContext(
            environment: [
                "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "HOSTNAME": "pod-0",
            ],
            transport: HTTPTransport(), retryEnvironment: storage.waits.environment, logger: storage.logger)
    }

    var root: String { "s3://\(storage.bucket)/uid" }

    func put(_ text: String, _ key: String) async throws {
        try await storage.client.put(Data(text.utf8), to: storage.location(key))
    }

    func text(_ name: String) throws -> String { String(decoding: try storage.read(name), as: UTF8.self) }

    func dataset(_ key: String, format: DatasetFormat = .text, sha256: String? = nil) -> DatasetReference {
        DatasetReference(storageUri: "s3://\(storage.bucket)/\(key)", format: format, sha256: sha256)
    }
}
