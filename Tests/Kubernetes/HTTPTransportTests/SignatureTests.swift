import FoundationEssentials
import TestSupport
import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(1)))
struct SignatureTests {
    @Test(arguments: [
        ("https://s3/b?uploads", "https://s3/b?uploads="),
        ("https://s3/b?prefix=x&list-type=2", "https://s3/b?list-type=2&prefix=x"),
        ("https://s3/b?b=2&b=1&a", "https://s3/b?a=&b=1&b=2"),
        ("https://s3/b", "https://s3/b"),
    ])
    func `the query is put in the order of the canonical request`(url: String, sorted: String) throws {
        var target = try RequestURL(url)
        target.sortQuery()
        #expect(target.url == sorted)
    }

    @Test func `a signed request signs its payload hash, date, token and range`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200) }
        let request = HTTPRequest(
            method: "GET", url: server.url + "/bucket/key", headers: [HTTPHeader("range", "bytes=0-9")],
            awsSignature: AWSSignature(
                accessKey: "AKIDEXAMPLE", secretKey: "secret:with/colon", sessionToken: "token",
                region: "eu-west-1"))
        _ = try await HTTPTransport().send(request)
        let seen = try #require(server.requests.first)
        let authorization = try #require(seen.headers["authorization"])
        #expect(authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"))
        #expect(authorization.contains("/eu-west-1/s3/aws4_request"))
        for name in ["host", "range", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"] {
            #expect(authorization.contains(name), "\(name) in \(authorization)")
        }
        #expect(seen.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD")
        #expect(seen.headers["x-amz-security-token"] == "token")
    }

    @Test(arguments: [true, false], [0, 5, 3 << 20])
    func `a body arrives whole`(isSigned: Bool, count: Int) async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200) }
        let body = Data((0..<count).map { UInt8(truncatingIfNeeded: $0) })
        let signature = AWSSignature(accessKey: "a", secretKey: "b", region: "us-east-1")
        _ = try await HTTPTransport().send(
            HTTPRequest(
                method: "PUT", url: server.url, body: .data(body), awsSignature: isSigned ? signature : nil))
        let seen = try #require(server.requests.first)
        #expect(seen.method == "PUT" && Data(seen.body) == body)
        // Only for a long upload is it worth asking first.
        #expect((seen.headers["expect"] != nil) == (isSigned && count > 1 << 20))
    }

    @Test func `a signed header without a value is refused`() async throws {
        let request = HTTPRequest(
            url: "http://127.0.0.1:1/", headers: [HTTPHeader("x-amz-meta-a", "")],
            awsSignature: AWSSignature(accessKey: "a", secretKey: "b", region: "us-east-1"))
        let error = await #expect(throws: TransportError.self) { try await HTTPTransport().send(request) }
        #expect(error?.code == .invalidRequest)
    }
}
