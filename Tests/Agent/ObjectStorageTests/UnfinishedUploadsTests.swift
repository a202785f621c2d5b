import Foundation
import HTTPTransport
import Logging
import TestSupport
import Testing

@testable import ObjectStorage

/// Multipart uploads that nobody has finished.
@Suite struct UnfinishedUploadsTests {
    private let folder = S3Location(bucket: "bucket", key: "runs/uid")

    private func client(_ server: ScriptedServer) throws -> S3Client {
        S3Client(
            configuration: try S3Configuration(endpoint: server.url, pathStyle: true),
            transport: HTTPTransport(), retry: RetryPolicy(budget: { .zero }),
            environment: WaitLog().environment, logger: StorageFixture.silent)
    }

    private func page(_ keys: [String], next: (key: String, id: String)? = nil, encoding: String = "")
        -> String
    {
        let uploads = keys.map { "<Upload><Key>\($0)</Key><UploadId>id of \($0)</UploadId></Upload>" }
            .joined()
        let rest =
            next.map {
                "<IsTruncated>true</IsTruncated><NextKeyMarker>\($0.key)</NextKeyMarker>"
                    + "<NextUploadIdMarker>\($0.id)</NextUploadIdMarker>"
            } ?? "<IsTruncated>false</IsTruncated>"
        return "<ListMultipartUploadsResult>\(encoding)\(uploads)\(rest)</ListMultipartUploadsResult>"
    }

    @Test func `all pages are read, and only keys below the folder count`() async throws {
        let pages = [
            page(
                ["runs/uid/a", "runs/uid-of-another/b", "runs/uid/../other/c", "runs/uid"],
                next: ("runs/uid/a", "1")),
            page(["runs/uid/%C3%BC+d", "other/e"], encoding: "<EncodingType>url</EncodingType>"),
        ]
        let server = try ScriptedServer { connection, request in
            connection.respond(200, pages[request.target.contains("key-marker=runs%2Fuid%2Fa") ? 1 : 0])
        }
        defer { server.stop() }
        let found = try await client(server).unfinishedUploads(below: folder)
        #expect(found.map(\.location.key) == ["runs/uid/a", "runs/uid/ü d"])
        #expect(found.map(\.id) == ["id of runs/uid/a", "id of runs/uid/%C3%BC+d"])
        #expect(server.requests.count == 2)
        #expect(server.requests.first?.target.contains("prefix=runs%2Fuid%2F") == true)
    }

    @Test func `a store that names the same page for ever is not asked for ever`() async throws {
        let page = page(["runs/uid/a"], next: ("runs/uid/a", "1"))
        let server = try ScriptedServer { connection, _ in connection.respond(200, page) }
        defer { server.stop() }
        #expect(try await client(server).unfinishedUploads(below: folder).count == 2)
    }

    @Test(arguments: [404, 204])
    func `an upload that is gone, or goes, is removed`(status: Int) async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(status, status == 404 ? "<Error><Code>NoSuchUpload</Code></Error>" : "")
        }
        defer { server.stop() }
        try await client(server).abort(UnfinishedUpload(location: folder.appending("a"), id: "x y"))
        #expect(server.requests.map(\.method) == ["DELETE"])
        #expect(server.requests.first?.target.contains("uploadId=x%20y") == true)
    }
}

/// The same on a real store.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing), .onEachStore)
struct LeftUploadsTests {
    @Test func `uploads below a folder are removed, and those beside it stay`() async throws {
        let fixture = try await StorageFixture()
        for key in ["one/large", "one/sub/ü large", "one-more/large"] {
            _ = try fixture.server.boto(
                "s3.create_multipart_upload(Bucket=sys.argv[1], Key=sys.argv[2])", [fixture.bucket, key])
        }
        await fixture.synchroniser.abortUploads(below: fixture.location("one")) { $0 != "large" }
        let all = fixture.location("")
        var left = try await fixture.client.unfinishedUploads(below: all).map(\.location.key)
        #expect(left.sorted() == ["one-more/large", "one/large"])
        await fixture.synchroniser.abortUploads(below: fixture.location("one"))
        left = try await fixture.client.unfinishedUploads(below: all).map(\.location.key)
        #expect(left == ["one-more/large"])
    }
}
