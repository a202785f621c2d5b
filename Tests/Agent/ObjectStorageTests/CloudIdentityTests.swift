import Foundation
import HTTPTransport
import Synchronization
import TestSupport
import Testing

@testable import ObjectStorage

/// Credentials by the ways of the clouds.
struct CloudIdentityTests {
    private let folder: SecretFolder
    private let token: String

    init() throws {
        folder = try SecretFolder(["token": "first\n"])
        token = "\(folder.path)/token"
    }

    private func provider(
        _ environment: [String: String], now: @escaping @Sendable () -> Date = { Date() }
    ) throws -> (any CredentialProvider)? {
        try CredentialChain.provider(
            environment, region: "eu-west-1", transport: HTTPTransport(), now: now,
            logger: StorageFixture.silent)
    }

    private static func stsAnswer(_ key: String, _ end: String) -> String {
        """
        <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>\(key)</AccessKeyId>
          <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>\(end)</Expiration>
          </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
        """
    }

    @Test(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing))
    func `a web identity becomes keys that a store takes`() async throws {
        let fixture = try await StorageFixture()
        let variables = [
            "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/anneal",
            "AWS_ENDPOINT_URL_STS": fixture.server.endpoint,
        ]
        let credentials = try #require(try await provider(variables)?.credentials())
        #expect(credentials.accessKey.hasPrefix("ASIA") && credentials.sessionToken?.isEmpty == false)
        var configuration = fixture.client.configuration
        configuration.credentials = try provider(variables)
        let client = S3Client(
            configuration: configuration, transport: HTTPTransport(), logger: fixture.logger)
        try await client.put(Data("x".utf8), to: fixture.location("k"))
        #expect(try await client.get(fixture.location("k"), limit: 1) == Data("x".utf8))
    }

    @Test func `keys of a role are asked for once, and anew before they end, with the token of then`()
        async throws
    {
        let issued = Mutex(0)
        let server = try ScriptedServer { connection, _ in
            let number = issued.withLock { count in
                count += 1
                return count
            }
            connection.respond(
                200,
                Self.stsAnswer(
                    "key\(number)", number == 1 ? "2026-01-01T01:00:00Z" : "2026-01-01T02:00:00.123Z"))
        }
        defer { server.stop() }
        let start = try #require(Date(service: "2026-01-01T00:00:00Z"))
        let elapsed = Mutex<TimeInterval>(0)
        let provider = try #require(
            try provider(
                [
                    "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::1:role/a b",
                    "AWS_ROLE_SESSION_NAME": "session", "AWS_ENDPOINT_URL_STS": server.url + "/",
                ], now: { start.addingTimeInterval(elapsed.withLock { $0 }) }))
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await provider.credentials().accessKey } }
            for try await key in group { #expect(key == "key1") }
        }
        #expect(server.requests.count == 1)
        #expect(
            server.requests.first?.text
                == "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b"
                + "&RoleSessionName=session&WebIdentityToken=first")
        try folder.rotate(["token": "second"])
        elapsed.withLock { $0 = 3299 }
        #expect(try await provider.credentials().accessKey == "key1")
        elapsed.withLock { $0 = 3301 }
        #expect(try await provider.credentials().accessKey == "key2")
        #expect(server.requests.last?.text.hasSuffix("WebIdentityToken=second") == true)
        #expect(server.requests.count == 2)
    }

    @Test func `keys are used to their end while no new ones can be had, and new ones after a refusal`()
        async throws
    {
        let isDown = Mutex(false)
        let number = Mutex(0)
        let elapsed = Mutex<TimeInterval>(0)
        let start = Date(timeIntervalSince1970: 0)
        let source = TemporaryCredentials(
            now: { start.addingTimeInterval(elapsed.withLock { $0 }) }, logger: StorageFixture.silent
        ) { () async throws(S3Error) in
            guard !isDown.withLock({ $0 }) else { throw S3Error(.unavailable, "down") }
            let count = number.withLock { count in
                count += 1
                return count
            }
            return IssuedCredentials(
                keys: S3Credentials(accessKey: "key\(count)", secretKey: "s"),
                expiration: start.addingTimeInterval(elapsed.withLock { $0 } + 1000))
        }
        let first = try await source.credentials()
        isDown.withLock { $0 = true }
        elapsed.withLock { $0 = 900 }
        #expect(try await source.credentials() == first)
        elapsed.withLock { $0 = 1001 }
        await #expect(throws: S3Error.self) { try await source.credentials() }
        isDown.withLock { $0 = false }
        let second = try await source.credentials()
        #expect(second.accessKey == "key2")
        // A refusal of the former keys leads to the present ones; of the present ones, to new ones, but not at once.
        #expect(try await source.credentials(after: first) == second)
        #expect(try await source.credentials(after: second) == nil)
        elapsed.withLock { $0 += 31 }
        #expect(try await source.credentials(after: second)?.accessKey == "key3")
    }

    @Test(
        arguments: [
            (403, "AccessDenied", S3Error.Code.invalidCredentials),
            (400, "InvalidIdentityToken", .invalidCredentials),
            (400, "IDPCommunicationError", .unavailable), (503, "ServiceUnavailable", .unavailable),
        ])
    func `what STS refuses is told with the role, and the token is not`(
        status: Int, code: String, expected: S3Error.Code
    ) async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(
                status,
                "<ErrorResponse><Error><Code>\(code)</Code><Message>no</Message></Error></ErrorResponse>")
        }
        defer { server.stop() }
        try folder.rotate(["token": "geheim"])
        let provider = try provider([
            "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:role",
            "AWS_ENDPOINT_URL_STS": server.url,
        ])
        let error = await #expect(throws: S3Error.self) { try await provider?.credentials() }
        #expect(error?.code == expected)
        #expect(error?.message.contains("arn:role") == true && error?.message.contains(code) == true)
        #expect(error?.message.contains("geheim") == false)
    }

    @Test(arguments: [["AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/none"]])
    func `a token that is not there is named, and waited for`(variables: [String: String]) async throws {
        let error = await #expect(throws: S3Error.self) { try await provider(variables)?.credentials() }
        #expect(error?.code == .credentialsUnavailable)
        #expect(error?.message.contains("AWS_WEB_IDENTITY_TOKEN_FILE: '/none'") == true)
    }

    @Test func `a container's agent is asked with the token of then`() async throws {
        let server = try ScriptedServer { connection, request in
            let key = request.headers["authorization"] ?? "none"
            connection.respond(
                200,
                #"{"AccessKeyId":"\#(key)","SecretAccessKey":"s","Token":"t","Expiration":"2020-01-01T00:00:00Z"}"#
            )
        }
        defer { server.stop() }
        let provider = try provider([
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.url)/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "other",
        ])
        #expect(
            try await provider?.credentials()
                == S3Credentials(accessKey: "first", secretKey: "s", sessionToken: "t"))
        try folder.rotate(["token": "second"])
        // The keys of the answer are past their end.
        #expect(try await provider?.credentials().accessKey == "second")
        #expect(server.requests.first?.target == "/v1/credentials")
    }

    @Test(
        arguments: [
            ("http://127.0.0.1/x", true), ("http://127.8.8.8:80/x", true), ("http://localhost/x", true),
            ("http://[::1]/x", true), ("http://169.254.170.2/x", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true), ("https://anywhere.example/x", true),
            ("http://anywhere.example/x", false), ("http://169.254.169.254/x", false),
            ("http://127.0.0.1.evil.example/x", false), ("http://127.evil.0.1/x", false),
            ("http://127.0.0.1@evil.example/x", false), ("http://localhost.evil/x", false),
            ("file:///x", false),
            ("http://127.0.1/x", false), ("http://169.254.170.23.evil/x", false), ("http://10.0.0.1", false),
        ])
    func `a container's token goes to the node or through TLS only`(url: String, isAllowed: Bool) async throws
    {
        #expect(ContainerCredentials.mayAsk(url) == isAllowed)
        guard !isAllowed else { return }
        let provider = try provider([
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "geheim",
        ])
        let error = await #expect(throws: S3Error.self) { try await provider?.credentials() }
        #expect(error?.code == .invalidCredentials)
        let shown = url.replacing("127.0.0.1@", with: "…@")
        #expect(error?.message.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI: '\(shown)'") == true)
    }

    @Test(arguments: [(403, "{}"), (404, "no"), (200, "{}"), (200, "<html>"), (500, "")])
    func `an agent that gives no keys is told`(status: Int, body: String) async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(status, body) }
        defer { server.stop() }
        let provider = try provider(["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url])
        let error = await #expect(throws: S3Error.self) { try await provider?.credentials() }
        #expect(
            error?.code
                == (status == 200 ? .malformedResponse : status == 500 ? .unavailable : .invalidCredentials))
        #expect(error?.message.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI") == true)
    }

    @Test func `keys of the environment come first, then the web identity, then the container`() throws {
        var variables = [
            "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s\n", "AWS_WEB_IDENTITY_TOKEN_FILE": token,
            "AWS_ROLE_ARN": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1",
        ]
        #expect(try provider(variables) as? S3Credentials == S3Credentials(accessKey: "a", secretKey: "s"))
        variables["AWS_SECRET_ACCESS_KEY"] = nil
        #expect(throws: S3Error.self) { try provider(variables) }
        variables["AWS_ACCESS_KEY_ID"] = nil
        // The web identity comes next: without a role it is an error, and not passed over.
        let error = #expect(throws: S3Error.self) { try provider(variables) }
        #expect(error?.message.contains("AWS_ROLE_ARN") == true)
        variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = nil
        #expect(try provider(variables) is TemporaryCredentials)
        #expect(try provider([:]) == nil)
    }
}
