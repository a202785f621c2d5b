import Foundation
import HTTPTransport
import Synchronization
import TestSupport
import Testing

@testable import ObjectStorage

/// Keys that change while a client is in use.
struct CredentialTests {
    private let folder: SecretFolder
    private let waits = WaitLog()
    private let location = S3Location(bucket: "b", key: "k")

    init() throws {
        folder = try SecretFolder([
            "accessKeyId": "former", "secretAccessKey": "s", "allowedHosts": "127.0.0.1",
        ])
    }

    private func client(_ endpoint: String) throws -> S3Client {
        var configuration = try S3Configuration(endpoint: endpoint, pathStyle: true)
        configuration.credentials = SecretCredentials(
            folder: folder.path, namespace: "team", name: "s3", endpoint: configuration.endpoint)
        return S3Client(
            configuration: configuration, transport: HTTPTransport(), environment: waits.environment,
            logger: StorageFixture.silent)
    }

    /// A store that takes one access key, and says of others what `refusal` is. `refused` is called when it does.
    private func store(
        _ accepted: String, refusal: (Int, String) = (403, "InvalidAccessKeyId"),
        refused: @escaping @Sendable () -> Void = {}
    ) throws -> ScriptedServer {
        try ScriptedServer { connection, request in
            guard request.headers["authorization"]?.contains("Credential=\(accepted)/") == true else {
                refused()
                let code = refusal.1.isEmpty ? "" : "<Error><Code>\(refusal.1)</Code></Error>"
                return connection.respond(refusal.0, code)
            }
            connection.respond(200, headers: ["ETag": "\"e\""], "value")
        }
    }

    @Test(
        arguments: [
            (403, "InvalidAccessKeyId"), (400, "ExpiredToken"), (403, "SignatureDoesNotMatch"),
            (403, "AccessDenied"),
            (403, ""), (401, "ExpiredTokenException"),
        ])
    func `keys that were rotated are read again before a refusal counts`(status: Int, code: String)
        async throws
    {
        let folder = folder
        let server = try store("later", refusal: (status, code)) {
            try? folder.rotate([
                "accessKeyId": "later", "secretAccessKey": "s", "sessionToken": "t", "allowedHosts": "*",
            ])
        }
        defer { server.stop() }
        #expect(try await client(server.url).get(location, limit: 10) == Data("value".utf8))
        #expect(server.requests.count == 2)
        #expect(server.requests.map { $0.headers["x-amz-security-token"] } == [nil, "t"])
        #expect(waits.all.isEmpty)
    }

    @Test func `a Secret that changes between two requests is in the second`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(200, headers: ["ETag": "\"e\""], "v")
        }
        defer { server.stop() }
        let client = try client(server.url)
        _ = try await client.get(location, limit: 10)
        try folder.rotate(["accessKeyId": "later", "secretAccessKey": "s", "allowedHosts": "127.0.0.1"])
        _ = try await client.get(location, limit: 10)
        let signed = server.requests.map { $0.headers["authorization"] ?? "" }
        #expect(signed.first?.contains("Credential=former/") == true)
        #expect(signed.last?.contains("Credential=later/") == true)
    }

    @Test func `keys that did not change are refused at once`() async throws {
        let server = try store("other")
        defer { server.stop() }
        let error = await #expect(throws: S3Error.self) {
            try await client(server.url).get(location, limit: 10)
        }
        #expect(error?.code == .invalidCredentials)
        #expect(server.requests.count == 1)
    }

    @Test func `keys that worked before are taken for rotated, and another attempt may help`() async throws {
        let isOver = Mutex(false)
        let server = try ScriptedServer { connection, _ in
            guard isOver.withLock({ $0 }) else {
                return connection.respond(200, headers: ["ETag": "\"e\""], "v")
            }
            connection.respond(403, "<Error><Code>ExpiredToken</Code></Error>")
        }
        defer { server.stop() }
        let client = try client(server.url)
        _ = try await client.get(location, limit: 10)
        isOver.withLock { $0 = true }
        let error = await #expect(throws: S3Error.self) { try await client.get(location, limit: 10) }
        #expect(error?.isRetryable == true && error?.reason == "InvalidCredentials")
        #expect(server.requests.count == 2)
    }

    @Test func `a store that refuses whatever comes is asked a few times only`() async throws {
        let folder = folder
        let number = Mutex(0)
        let server = try store("none") {
            let name = number.withLock { count in
                count += 1
                return "key-\(count)"
            }
            try? folder.rotate(["accessKeyId": name, "secretAccessKey": "s", "allowedHosts": "*"])
        }
        defer { server.stop() }
        _ = await #expect(throws: S3Error.self) { try await client(server.url).get(location, limit: 10) }
        #expect(server.requests.count == 4)
    }

    @Test func `all parts of a large object go on with the keys that came meanwhile`() async throws {
        let folder = folder
        let object = StorageFixture.bytes(3 << 20)
        let server = try ScriptedServer { connection, request in
            let isFirst = request.method == "HEAD"
            if !isFirst, request.headers["authorization"]?.contains("Credential=later/") != true {
                try? folder.rotate(["accessKeyId": "later", "secretAccessKey": "s", "allowedHosts": "*"])
                return connection.respond(403, "<Error><Code>ExpiredToken</Code></Error>")
            }
            guard
                let range = request.headers["range"]?.dropFirst(6).split(separator: "-").compactMap({
                    Int($0)
                }),
                range.count == 2
            else {
                connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: \(object.count)\r\nETag: \"e\"\r\n\r\n")
                return
            }
            let bytes = object[range[0]...range[1]]
            connection.send(
                "HTTP/1.1 206 Partial\r\nContent-Length: \(bytes.count)\r\nETag: \"e\"\r\n\r\n")
            connection.send(Array(bytes))
        }
        defer { server.stop() }
        var client = try client(server.url)
        var configuration = client.configuration
        configuration.partSize = 1 << 18
        client = S3Client(
            configuration: configuration, transport: HTTPTransport(), environment: waits.environment,
            logger: StorageFixture.silent)
        let path = "\(folder.path)/object"
        try await client.download(location, to: path)
        #expect(try Data(contentsOf: URL(filePath: path)) == object)
    }

    @Test(arguments: ["", "minio.ml", "127.0.0.1:1"])
    func `a Secret that does not list the host is sent nowhere`(hosts: String) async throws {
        let server = try store("former")
        defer { server.stop() }
        try folder.rotate(["accessKeyId": "former", "secretAccessKey": "geheim", "allowedHosts": hosts])
        let client = try client(server.url)
        let error = await #expect(throws: S3Error.self) { try await client.get(location, limit: 10) }
        #expect(error?.code == .secretNotAllowed && error?.reason == "SecretNotAllowed")
        #expect(error?.message.contains("127.0.0.1:\(server.port)") == true)
        #expect(error?.message.contains("kubectl -n team patch secret s3") == true)
        #expect(error?.message.contains("geheim") == false)
        #expect(server.requests.isEmpty)
        // Once the Secret says so, the same client goes on.
        try folder.rotate([
            "accessKeyId": "former", "secretAccessKey": "s", "allowedHosts": "\(hosts) 127.0.0.1",
        ])
        _ = try await client.get(location, limit: 10)
    }

    @Test func `AWS's own host must be listed like any other`() async throws {
        let own = try S3Configuration(region: "eu-west-1").endpoint
        let credentials = SecretCredentials(folder: folder.path, namespace: "team", name: "s3", endpoint: own)
        let error = await #expect(throws: S3Error.self) { try await credentials.credentials() }
        #expect(error?.message.contains("'s3.eu-west-1.amazonaws.com'") == true)
        try folder.rotate(["accessKeyId": "a", "secretAccessKey": "s", "allowedHosts": "*.amazonaws.com"])
        #expect(try await credentials.credentials().accessKey == "a")
    }

    @Test(arguments: ["accessKeyId", "secretAccessKey"])
    func `a key that is missing is named, and is waited for`(key: String) async throws {
        var values = ["accessKeyId": "a", "secretAccessKey": "s", "allowedHosts": "*"]
        values[key] = nil
        try folder.rotate(values)
        let error = await #expect(throws: S3Error.self) {
            try await client("http://127.0.0.1:9").get(location, limit: 1)
        }
        #expect(error?.code == .credentialsUnavailable && error?.isRetryable == true)
        #expect(error?.message.contains("Secret 's3' has no key \(key)") == true)
    }
}
