import Foundation
import HTTPTransport
import TestSupport
import Testing

@testable import ObjectStorage

/// What a store says to wrong keys and clocks, by one that looks.
@Suite(.enabled(if: SigningStore.python != nil, SigningStore.isMissing))
struct SignatureTests {
    private let fixture: StorageFixture

    init() async throws { fixture = try await StorageFixture(store: SigningStore.shared.get()) }

    private func client(
        accessKey: String? = nil, secretKey: String? = nil, region: String? = nil
    ) throws -> S3Client {
        let right = fixture.server.credentials
        return S3Client(
            configuration: try S3Configuration(
                endpoint: fixture.server.endpoint, region: region, pathStyle: true,
                credentials: S3Credentials(
                    accessKey: accessKey ?? right.accessKey, secretKey: secretKey ?? right.secretKey)),
            transport: HTTPTransport(), environment: fixture.waits.environment, logger: fixture.logger)
    }

    private var location: S3Location { fixture.location("a b/ü+&=%.bin") }

    @Test func `a signed object with any name goes up and comes back`() async throws {
        let client = fixture.client
        let data = StorageFixture.bytes(100_000)
        try await client.put(data, to: location)
        #expect(try await client.get(location, limit: 1 << 20) == data)
        #expect(
            try await client.list(below: fixture.location("a b")).map(\.location) == [
                location
            ])
        try await client.delete(location)
    }

    @Test(arguments: [(nil, "wrong"), ("test:nobody", nil), ("nobody", "wrong")] as [(String?, String?)])
    func `wrong keys are told with the remedy, and are not tried again`(access: String?, secret: String?)
        async throws
    {
        let client = try self.client(accessKey: access, secretKey: secret)
        for body in [
            { _ = try await client.put(Data("x".utf8), to: location) },
            { _ = try await client.get(location, limit: 10) },
            { _ = try await client.head(location) },
            { _ = try await client.list(below: location) },
            { try await client.delete(location) },
        ] as [() async throws -> Void] {
            let error = await #expect(throws: S3Error.self) { try await body() }
            #expect(error?.code == .invalidCredentials)
            #expect(error?.isRetryable == false)
            #expect(error?.message.contains("storage.credentialsSecretName") == true)
        }
    }

    @Test func `a Secret that is put right is used by the same client`() async throws {
        let right = fixture.server.credentials
        let values = [
            "accessKeyId": right.accessKey, "secretAccessKey": right.secretKey, "allowedHosts": "127.0.0.1",
        ]
        let folder = try SecretFolder(values.merging(["secretAccessKey": "wrong"]) { $1 })
        var configuration = try S3Configuration(endpoint: fixture.server.endpoint, pathStyle: true)
        configuration.credentials = SecretCredentials(
            folder: folder.path, namespace: "team", name: "s3", endpoint: configuration.endpoint)
        let client = S3Client(
            configuration: configuration, transport: HTTPTransport(), environment: fixture.waits.environment,
            logger: fixture.logger)
        let error = await #expect(throws: S3Error.self) { try await client.put(Data("x".utf8), to: location) }
        #expect(error?.code == .invalidCredentials && error?.isRetryable == false)
        try folder.rotate(values)
        try await client.put(Data("x".utf8), to: location)
        try folder.rotate(values.merging(["secretAccessKey": "other"]) { $1 })
        let second = await #expect(throws: S3Error.self) { try await client.get(location, limit: 1) }
        #expect(second?.code == .invalidCredentials)
        try folder.rotate(values)
        #expect(try await client.get(location, limit: 1) == Data("x".utf8))
    }

    /// libcurl signs with the machine's time only: this request was signed by Python with another.
    @Test(arguments: [-3, 3])
    func `a clock that is wrong by hours is told`(hours: Int) async throws {
        let text = try fixture.server.boto(
            """
            import datetime, hmac
            hours, host, path, key, secret = int(sys.argv[1]), *sys.argv[2:]
            time = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)).strftime("%Y%m%dT%H%M%SZ")
            scope, names = time[:8] + "/us-east-1/s3/aws4_request", "host;x-amz-content-sha256;x-amz-date"
            request = (f"GET\\n{path}\\n\\nhost:{host}\\nx-amz-content-sha256:UNSIGNED-PAYLOAD\\n"
                       f"x-amz-date:{time}\\n\\n{names}\\nUNSIGNED-PAYLOAD")
            digest = hashlib.sha256(request.encode()).hexdigest()
            sign = ("AWS4" + secret).encode()
            for part in [*scope.split("/"), f"AWS4-HMAC-SHA256\\n{time}\\n{scope}\\n{digest}"]:
                sign = hmac.new(sign, part.encode(), hashlib.sha256).digest()
            print(time, f"AWS4-HMAC-SHA256 Credential={key}/{scope},SignedHeaders={names},Signature={sign.hex()}",
                  sep="|", end="")
            """,
            [
                "\(hours)", "127.0.0.1:\(fixture.server.port)", "/\(fixture.bucket)/k",
                fixture.server.credentials.accessKey, fixture.server.credentials.secretKey,
            ])
        let parts = text.split(separator: "|").map(String.init)
        try #require(parts.count == 2)
        let client = S3Client(
            configuration: try S3Configuration(endpoint: fixture.server.endpoint, pathStyle: true),
            transport: HTTPTransport(), environment: fixture.waits.environment, logger: fixture.logger)
        var request = S3Request("GET", fixture.location("k"), what: "reading k")
        request.headers = [
            HTTPHeader("x-amz-date", parts[0]), HTTPHeader("Authorization", parts[1]),
            HTTPHeader("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ]
        let sent = request
        let error = await #expect(throws: S3Error.self) { try await client.send(sent) }
        #expect(error?.code == .clockSkew, "\(error?.message ?? "")")
        #expect(error?.message.contains("NTP") == true)
    }

    @Test func `another region is told`() async throws {
        let client = try self.client(region: "eu-central-1")
        let error = await #expect(throws: S3Error.self) { try await client.get(location, limit: 10) }
        #expect(error?.code == .wrongRegion)
        #expect(error?.message.contains("storage.region") == true)
    }

    /// moto takes any bytes; a store that looks refuses those that are not what was signed.
    @Test func `bytes that are not those that were digested are refused`() async throws {
        let client = try self.client()
        var request = S3Request("PUT", location, what: "writing \(location)")
        request.body = .data(Data("other".utf8))
        request.payloadSha256 = ContentDigest.sha256(Data("these".utf8))
        let sent = request
        let error = await #expect(throws: S3Error.self) { try await client.send(sent) }
        #expect(error?.code == .checksumMismatch)
        #expect(try await client.headIfExists(location) == nil)
    }
}
