import FoundationEssentials
import ScriptedServer
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
    func theQueryIsPutInTheOrderOfTheCanonicalRequest(url: String, sorted: String) throws {
        var target = try RequestTarget(url)
        target.sortQuery()
        #expect(target.url == sorted)
    }

    @Test func aSignedRequestSignsItsPayloadHashDateTokenAndRange() async throws {
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
}
