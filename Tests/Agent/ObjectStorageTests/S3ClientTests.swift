import Foundation
import HTTPTransport
import TestSupport
import Testing

@testable import ObjectStorage

/// The client against a real server, whose contents another client checks.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing), .onEachStore)
struct S3ClientTests {
    @Test(arguments: [
        "plain", "a b+c&d=e", "é/ü/日本語", "x/y/z'(!)*~", "tab%20literal%2F", "semi;colon,comma:@$",
    ])
    func `keys of all kinds go up and come back`(key: String) async throws {
        let fixture = try await StorageFixture()
        let location = fixture.location(key)
        let data = Data("content of \(key)".utf8)
        let digest = try await fixture.client.put(data, to: location)
        #expect(try await fixture.client.get(location, limit: 1000) == data)
        let info = try await fixture.client.head(location)
        #expect(info.size == Int64(data.count))
        #expect(info.declaredSha256 == digest)
        #expect(try await fixture.client.list(below: fixture.location("")).map(\.location) == [location])
        let seen = try fixture.server.boto(
            "print(s3.get_object(Bucket=sys.argv[1], Key=sys.argv[2])['Body'].read().decode(), end='')",
            [fixture.bucket, key])
        #expect(seen == "content of \(key)")
        try await fixture.client.delete(location)
        #expect(try await fixture.client.headIfExists(location) == nil)
        try await fixture.client.delete(location)
    }

    @Test func `a listing is read page by page`() async throws {
        let fixture = try await StorageFixture()
        for index in 0..<7 {
            try await fixture.client.put(Data(), to: fixture.location("a/\(index % 3)/\(index)"))
        }
        var keys: [String] = []
        var token: String?
        var pages = 0
        repeat {
            let page = try await fixture.client.listPage(fixture.location("a/"), token: token, pageSize: 2)
            keys += page.entries.map(\.location.key)
            token = page.nextToken
            pages += 1
        } while token != nil
        #expect(keys == ["a/0/0", "a/0/3", "a/0/6", "a/1/1", "a/1/4", "a/2/2", "a/2/5"])
        #expect(pages == 4)
        #expect(
            try await fixture.client.listFolders(below: fixture.location("a")).map(\.key)
                == ["a/0/", "a/1/", "a/2/"])
    }

    @Test func `a missing object or bucket is named`() async throws {
        let fixture = try await StorageFixture()
        let client = fixture.client
        var error = await #expect(throws: S3Error.self) { try await client.head(fixture.location("none")) }
        #expect(error?.code == .noSuchKey)
        #expect(error?.message.contains("'none'") == true)
        #expect(error?.message.contains(fixture.bucket) == true)
        error = await #expect(throws: S3Error.self) {
            try await client.head(S3Location(bucket: "no-such-bucket-here", key: "k"))
        }
        #expect(error?.code == .noSuchBucket)
        error = await #expect(throws: S3Error.self) {
            try await client.put(Data(), to: S3Location(bucket: "no-such-bucket-here", key: "k"))
        }
        #expect(error?.code == .noSuchBucket)
        #expect(error?.isRetryable == false)
    }

    @Test func `a large file goes up in parts and comes back the same`() async throws {
        let fixture = try await StorageFixture(partSize: 5 << 20)
        let data = StorageFixture.bytes((12 << 20) + 17)
        let digest = ContentDigest.sha256(data)
        try fixture.write("up", data)
        let location = fixture.location("big")
        try await fixture.client.upload(file: fixture.path("up"), to: location, sha256: digest)
        let etag = try await fixture.client.head(location).etag
        #expect(etag.hasSuffix("-3\""))
        let seen = try fixture.server.boto(
            """
            o = s3.get_object(Bucket=sys.argv[1], Key="big")
            print(hashlib.sha256(o["Body"].read()).hexdigest(), o["Metadata"]["sha256"])
            """, [fixture.bucket])
        #expect(seen == "\(digest) \(digest)\n")
        let result = try await fixture.client.download(location, to: fixture.path("down"))
        #expect(result.size == Int64(data.count))
        #expect(result.sha256 == digest)
        #expect(try fixture.read("down") == data)
        var reader = try await ObjectReader(fixture.client, location, chunkSize: 1 << 20)
        var read = Data()
        while let chunk = try await reader.next() { read.append(chunk) }
        #expect(read == data)
    }

    @Test func `an empty file is a file`() async throws {
        let fixture = try await StorageFixture()
        try fixture.write("empty", Data())
        try await fixture.client.upload(
            file: fixture.path("empty"), to: fixture.location("e"), sha256: ContentDigest.empty)
        try await fixture.client.download(
            fixture.location("e"), to: fixture.path("down"), sha256: ContentDigest.empty)
        #expect(try fixture.read("down").isEmpty)
    }

    @Test func `an upload with a wrong declaration is refused and leaves nothing`() async throws {
        let fixture = try await StorageFixture()
        try await fixture.client.put(Data("abc".utf8), to: fixture.location("k"))
        let error = await #expect(throws: S3Error.self) {
            try await fixture.client.download(
                fixture.location("k"), to: fixture.path("f"), sha256: String(repeating: "0", count: 64))
        }
        #expect(error?.code == .checksumMismatch)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder).isEmpty)
    }

    @Test func `a link is not uploaded`() async throws {
        let fixture = try await StorageFixture()
        try FileManager.default.createSymbolicLink(
            atPath: fixture.path("link"), withDestinationPath: "/etc/hostname")
        let error = await #expect(throws: S3Error.self) {
            try await fixture.client.upload(
                file: fixture.path("link"), to: fixture.location("k"), sha256: ContentDigest.empty)
        }
        #expect(error?.code == .unsafePath)
    }
}
