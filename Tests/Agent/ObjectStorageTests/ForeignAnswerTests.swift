import Foundation
import HTTPTransport
import Logging
import TestSupport
import Testing

@testable import ObjectStorage

/// Answers that no S3 store gives.
@Suite struct ForeignAnswerTests {
    private static let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body/></html>"

    private func error(
        _ status: Int, _ body: String, _ request: (S3Client) async throws -> Void
    ) async throws -> S3Error {
        let server = try ScriptedServer { connection, request in
            connection.respond(status, request.method == "HEAD" ? "" : body)
        }
        defer { server.stop() }
        let waits = WaitLog()
        let client = S3Client(
            configuration: try S3Configuration(endpoint: server.url, pathStyle: true),
            transport: HTTPTransport(),
            retry: RetryPolicy(budget: { .zero }), environment: waits.environment,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do { try await request(client) } catch let error as S3Error { return error }
        return S3Error(.cancelled, "no error")
    }

    private let folder = S3Location(bucket: "bucket", key: "folder/")

    @Test(arguments: [200, 302, 400, 403, 404, 407, 502])
    func `a page of a proxy is told as one, and is no object that is missing`(status: Int) async throws {
        let error = try await error(status, Self.page) { _ = try await $0.list(below: folder) }
        #expect(error.message.contains("an HTML page (\"Sign in\")"), "\(error)")
        #expect(error.message.contains("storage.endpoint"), "\(error)")
        #expect(error.code != .noSuchKey && error.code != .wrongRegion)
        #expect((error.code == .unavailable) == (status == 502))
    }

    @Test(arguments: [
        (200, "{\"ok\": true}", "a JSON object"), (200, "", "nothing at all"), (500, "oops", "plain text"),
    ])
    func `any other answer is told for what it is`(status: Int, body: String, kind: String) async throws {
        let error = try await error(status, body) { _ = try await $0.list(below: folder) }
        #expect(error.message.contains(kind), "\(error)")
    }

    @Test func `a manifest that is a page is told as one, without Swift's words`() async throws {
        for text in [Self.page, "[]", "{}", "\u{1F}\u{8B}"] {
            let error = #expect(throws: S3Error.self) {
                try Manifest(parsing: Data(text.utf8), source: "s3://b/m")
            }
            #expect(error?.message.contains("CodingKeys") == false)
            #expect(error?.message.contains("Context(") == false, "\(error?.message ?? "")")
        }
    }
}
