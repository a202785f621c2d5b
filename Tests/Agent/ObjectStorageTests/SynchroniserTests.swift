import Foundation
import TestSupport
import Testing

@testable import ObjectStorage

@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing), .onEachStore)
struct SynchroniserTests {
    private let description = UploadDescription(
        run: "uid", attempt: 2, step: 10, metadata: ["evalLoss": "1.5"])

    private func fill(_ fixture: StorageFixture) throws {
        try fixture.write("in/config.json", Data("{}".utf8))
        try fixture.write("in/sub/ü w.bin", StorageFixture.bytes(100_000))
        try fixture.write("in/.hidden", Data("x".utf8))
    }

    @Test func `a folder comes back as it went up`() async throws {
        let fixture = try await StorageFixture()
        try fill(fixture)
        let synchroniser = fixture.synchroniser
        let folder = fixture.location("runs/one")
        let committed = try await synchroniser.upload(fixture.path("in"), to: folder, description)
        #expect(committed.manifest.files.map(\.path) == [".hidden", "config.json", "sub/ü w.bin"])
        #expect(committed.manifest.createdAt == "2027-01-15T08:00:00Z")
        #expect(try await synchroniser.verify(committed))
        #expect(try await synchroniser.manifest(of: folder) == committed)
        let result = try await synchroniser.download(
            folder, to: fixture.path("out"), sha256: committed.sha256)
        #expect(result.files == 3)
        #expect(result.sha256 == committed.sha256)
        #expect(try fixture.read("out/sub/ü w.bin") == fixture.read("in/sub/ü w.bin"))
        let checked = try fixture.server.boto(
            """
            get = lambda k: s3.get_object(Bucket=sys.argv[1], Key="runs/one/" + k)["Body"].read()
            m = json.loads(get("anneal-manifest.json"))
            print(all(hashlib.sha256(get(f["path"])).hexdigest() == f["sha256"] for f in m["files"]), end="")
            """, [fixture.bucket])
        #expect(checked == "True")
    }

    @Test func `files that are in the store are not sent again`() async throws {
        let fixture = try await StorageFixture { _ in .pass }
        try fill(fixture)
        let synchroniser = fixture.synchroniser
        let folder = fixture.location("one")
        let first = try await synchroniser.upload(fixture.path("in"), to: folder, description)
        fixture.proxy?.reset()
        #expect(try await synchroniser.upload(fixture.path("in"), to: folder, description) == first)
        #expect(fixture.proxy?.requests.contains { $0.method == "PUT" } == false)
        try fixture.write("in/config.json", Data("{ }".utf8))
        fixture.proxy?.reset()
        // One file has changed, and the manifest with it.
        let second = try await synchroniser.upload(fixture.path("in"), to: folder, description)
        #expect(second != first)
        #expect(fixture.proxy?.requests.filter { $0.method == "PUT" }.count == 2)
        _ = try await synchroniser.download(folder, to: fixture.path("out"))
        fixture.proxy?.reset()
        #expect(try await synchroniser.download(folder, to: fixture.path("out")).transferred == 0)
        #expect(fixture.proxy?.requests.count == 1)
    }

    @Test func `an older attempt does not replace the files of a newer one`() async throws {
        let fixture = try await StorageFixture()
        try fill(fixture)
        let folder = fixture.location("one")
        let committed = try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        let older = UploadDescription(run: "uid", attempt: 1)
        let error = await #expect(throws: S3Error.self) {
            try await fixture.synchroniser.upload(fixture.path("in"), to: folder, older)
        }
        #expect(error?.code == .newerAttempt(2))
        #expect(try await fixture.synchroniser.manifest(of: folder) == committed)
    }

    @Test func `a folder of many small files takes a request for each and few besides`() async throws {
        let fixture = try await StorageFixture { _ in .pass }
        for index in 0..<60 { try fixture.write("in/\(index)", Data("content of \(index)".utf8)) }
        let folder = fixture.location("one")
        let committed = try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        #expect(committed.manifest.files.count == 60)
        #expect((fixture.proxy?.requests.count ?? .max) <= 60 + 8)
        fixture.proxy?.reset()
        let result = try await fixture.synchroniser.download(folder, to: fixture.path("out"))
        #expect(result.files == 60)
        #expect((fixture.proxy?.requests.count ?? .max) <= 60 + 2)
    }

    /// Another's `manifest.json` is data: it goes up, comes back, and counts in the digest of its folder.
    @Test(arguments: [
        #"{"format":"theirs","tensors":["a"]}"#, #"{"sourceBucket": "export", "files": [{"key": "a"}]}"#,
        "no JSON", "", #"{"version":"1","run":"r","attempt":1,"createdAt":"","files":[],"metadata":{}}"#,
    ])
    func `a foreign manifest is a file like others`(text: String) async throws {
        let fixture = try await StorageFixture()
        let content = Data(text.utf8)
        try fixture.write("in/manifest.json", content)
        try fixture.write("in/model.bin", Data("weights".utf8))
        let folder = fixture.location("ours")
        let committed = try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        #expect(committed.manifest.files.map(\.path) == ["manifest.json", "model.bin"])
        #expect(try await fixture.synchroniser.manifest(of: folder) == committed)
        let result = try await fixture.synchroniser.download(folder, to: fixture.path("out"))
        #expect(result.sha256 == committed.sha256)
        #expect(try fixture.read("out/manifest.json") == content)
        // The same files as an input, which nobody has committed.
        let input = fixture.location("theirs")
        try await fixture.client.put(content, to: input.appending("manifest.json"))
        try await fixture.client.put(Data("weights".utf8), to: input.appending("model.bin"))
        #expect(try await fixture.synchroniser.manifest(of: input) == nil)
        let downloaded = try await fixture.synchroniser.download(input, to: fixture.path("in2"))
        #expect(
            downloaded.sha256
                == ContentDigest.folder([
                    ("manifest.json", ContentDigest.sha256(content)),
                    ("model.bin", ContentDigest.sha256(Data("weights".utf8))),
                ]))
        #expect(try fixture.read("in2/manifest.json") == content)
    }

    @Test func `a copy of another folder's manifest in an output is no commit of it`() async throws {
        let fixture = try await StorageFixture()
        try fixture.write("in/model.bin", Data("weights".utf8))
        try fixture.write("in/manifest.json", try ManifestTests.manifest.serialized())
        let folder = fixture.location("one")
        let committed = try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        #expect(try await fixture.synchroniser.manifest(of: folder) == committed)
        #expect(committed.manifest.files.count == 2)
        try fixture.write("in/anneal-manifest.json", Data("x".utf8))
        let error = await #expect(throws: S3Error.self) {
            try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        }
        #expect(error?.code == .unsafePath)
        #expect(error?.message.contains("'anneal-manifest.json' has the name") == true)
        #expect(try await fixture.synchroniser.manifest(of: folder) == committed)
    }

    @Test func `a manifest of the former name still commits, until its folder is written again`() async throws
    {
        let fixture = try await StorageFixture()
        let data = Data("{}".utf8)
        let former = Manifest(
            run: "uid", attempt: 2, step: 10, createdAt: "2026-11-21T00:00:00Z",
            files: [Manifest.File(path: "config.json", size: 2, sha256: ContentDigest.sha256(data))])
        let folder = fixture.location("old")
        try await fixture.client.put(data, to: folder.appending("config.json"))
        try await fixture.client.put(try former.serialized(), to: folder.appending("manifest.json"))
        let found = try #require(try await fixture.synchroniser.manifest(of: folder))
        #expect(found.manifest == former)
        let result = try await fixture.synchroniser.download(
            folder, to: fixture.path("out"), sha256: ContentDigest.sha256(try former.serialized()))
        #expect(result.files == 1)
        try fill(fixture)
        let committed = try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        #expect(try await fixture.synchroniser.manifest(of: folder) == committed)
        #expect(try await fixture.client.headIfExists(folder.appending("manifest.json")) == nil)
    }

    @Test func `a store whose listings are late or empty is asked for each object`() async throws {
        let fixture = try await StorageFixture { request in
            request.target.contains("list-type=2")
                ? .answer("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>") : .pass
        }
        try fill(fixture)
        let folder = fixture.location("one")
        let committed = try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        #expect(try await fixture.synchroniser.verify(committed))
        #expect(fixture.proxy?.requests.filter { $0.method == "HEAD" }.count == 6)
    }

    @Test func `what lies on the way of a download is not followed`() async throws {
        let fixture = try await StorageFixture()
        try fixture.write("outside/keep", Data("mine".utf8))
        try fixture.write("out/f", Data("old".utf8))
        try FileManager.default.createSymbolicLink(
            atPath: fixture.path("out/sub"), withDestinationPath: fixture.path("outside"))
        try FileManager.default.createSymbolicLink(
            atPath: fixture.path("out/link"), withDestinationPath: fixture.path("outside/keep"))
        try await fixture.client.put(Data("theirs".utf8), to: fixture.location("f/link"))
        _ = try await fixture.synchroniser.download(fixture.location("f"), to: fixture.path("out"))
        #expect(try fixture.read("out/link") == Data("theirs".utf8))
        #expect(try fixture.read("outside/keep") == Data("mine".utf8))
        try await fixture.client.put(Data("theirs".utf8), to: fixture.location("f/sub/keep"))
        let error = await #expect(throws: S3Error.self) {
            try await fixture.synchroniser.download(fixture.location("f"), to: fixture.path("out"))
        }
        #expect(error?.code == .unsafePath)
        #expect(try fixture.read("outside/keep") == Data("mine".utf8))
    }

    @Test func `records of downloads lie beside their folder`() async throws {
        let fixture = try await StorageFixture()
        _ = try fixture.server.boto(
            "[s3.put_object(Bucket=sys.argv[1], Key=k, Body=b'x') for k in ('f/.downloads.json', 'f/a')]",
            [fixture.bucket])
        _ = try await fixture.synchroniser.download(fixture.location("f"), to: fixture.path("out"))
        #expect(try fixture.read("out/.downloads.json") == Data("x".utf8))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.path("out")).sorted()
                == [".downloads.json", "a"])
        let again = try await fixture.synchroniser.download(fixture.location("f"), to: fixture.path("out"))
        #expect(again.transferred == 0)
    }

    /// The upload is killed after any number of requests: the folder has a valid manifest or none, and the
    /// next attempt completes it.
    @Test func `a kill at any request leaves a whole folder or nothing`() async throws {
        let fixture = try await StorageFixture(budget: .zero) { _ in .pass }
        try fill(fixture)
        let folder = fixture.location("one")
        for killed in 0..<12 {
            let fresh = folder.appending("\(killed)")
            fixture.proxy?.reset { $0.index >= killed ? .dropRequest : .pass }
            let outcome = try? await fixture.synchroniser.upload(fixture.path("in"), to: fresh, description)
            fixture.proxy?.reset()
            if let found = try await fixture.synchroniser.manifest(of: fresh) {
                #expect(try await fixture.synchroniser.verify(found))
            } else {
                #expect(outcome == nil)
            }
            let again = try await fixture.synchroniser.upload(fixture.path("in"), to: fresh, description)
            #expect(try await fixture.synchroniser.verify(again))
        }
    }

    @Test func `damage in the store is found`() async throws {
        let fixture = try await StorageFixture()
        try fill(fixture)
        let folder = fixture.location("one")
        let committed = try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        _ = try fixture.server.boto(
            "s3.put_object(Bucket=sys.argv[1], Key='one/config.json', Body=b'[]')", [fixture.bucket])
        let error = await #expect(throws: S3Error.self) {
            try await fixture.synchroniser.download(committed, to: fixture.path("out"))
        }
        #expect(error?.code == .checksumMismatch)
        try await fixture.client.delete(fixture.location("one/config.json"))
        #expect(try await fixture.synchroniser.verify(committed) == false)
    }

    @Test func `a folder without a manifest has a digest, too`() async throws {
        let fixture = try await StorageFixture()
        try fixture.write("in/a", Data("y".utf8))
        try await fixture.client.put(Data("y".utf8), to: fixture.location("f/a"))
        _ = try fixture.server.boto(
            "s3.put_object(Bucket=sys.argv[1], Key='f/b', Body=b'x')", [fixture.bucket])
        let expected = ContentDigest.folder([
            ("a", ContentDigest.sha256(Data("y".utf8))), ("b", ContentDigest.sha256(Data("x".utf8))),
        ])
        let result = try await fixture.synchroniser.download(
            fixture.location("f"), to: fixture.path("out"), sha256: expected)
        #expect(result.sha256 == expected)
        let again = try await fixture.synchroniser.download(fixture.location("f"), to: fixture.path("out"))
        #expect(again.transferred == 0)
        let error = await #expect(throws: S3Error.self) {
            try await fixture.synchroniser.download(fixture.location("nothing"), to: fixture.path("out"))
        }
        #expect(error?.code == .noSuchKey)
    }

    @Test func `a manifest with a traversal is refused`() async throws {
        let fixture = try await StorageFixture()
        var manifest = ManifestTests.manifest
        manifest.files[0].path = "../../escaped"
        try await fixture.client.put(
            try manifest.serialized(), to: fixture.location("one/anneal-manifest.json"))
        let error = await #expect(throws: S3Error.self) {
            try await fixture.synchroniser.download(fixture.location("one"), to: fixture.path("out"))
        }
        #expect(error?.code == .unsafePath)
        try await fixture.client.put(Data("x".utf8), to: fixture.location("two/a\\b"))
        await #expect(throws: S3Error.self) {
            try await fixture.synchroniser.download(fixture.location("two"), to: fixture.path("out"))
        }
        #expect(!FileManager.default.fileExists(atPath: fixture.path("out")))
    }

    @Test func `removing a folder takes the manifest first`() async throws {
        let fixture = try await StorageFixture { _ in .pass }
        try fill(fixture)
        let folder = fixture.location("one")
        _ = try await fixture.synchroniser.upload(fixture.path("in"), to: folder, description)
        fixture.proxy?.reset()
        try await fixture.synchroniser.remove(folder)
        let deletions = fixture.proxy?.requests.filter { $0.method == "DELETE" }.map(\.target) ?? []
        #expect(deletions.first?.hasSuffix("/one/anneal-manifest.json") == true)
        #expect(try await fixture.client.list(below: folder).isEmpty)
    }
}
