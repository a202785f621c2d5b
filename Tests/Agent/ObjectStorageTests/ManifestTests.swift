import FoundationEssentials
import SeededRandomness
import Testing

@testable import ObjectStorage

@Suite struct ManifestTests {
    private static let digest = String(repeating: "0a", count: 32)

    static let manifest = Manifest(
        run: "uid", attempt: 2, step: 40, createdAt: "2026-11-21T00:00:00Z",
        files: [
            Manifest.File(path: "w/b.bin", size: 7, sha256: digest),
            Manifest.File(path: "a", size: 0, sha256: digest),
        ], metadata: ["evalLoss": "1.5", "a/b": "c"])

    @Test func `a manifest is written canonically`() throws {
        let expected =
            #"{"attempt":2,"createdAt":"2026-11-21T00:00:00Z","files":[{"path":"a","sha256":"\#(Self.digest)","size":0},"#
            + #"{"path":"w/b.bin","sha256":"\#(Self.digest)","size":7}],"metadata":{"a/b":"c","evalLoss":"1.5"},"#
            + #""run":"uid","step":40,"version":1}"#
        let data = try Self.manifest.serialized()
        #expect(String(decoding: data, as: UTF8.self) == expected)
        #expect(try Manifest(parsing: data, source: "test") == Self.manifest)
    }

    @Test(arguments: [
        "../a", "a/../../b", "/etc/passwd", "", "a//b", "./a", "a/.", "a\\b", "a\u{0}b", "a\nb",
        "anneal-manifest.json",
        String(repeating: "d/", count: 32) + "f", String(repeating: "x", count: 256),
    ])
    func `paths that leave the folder are refused`(path: String) throws {
        var manifest = Self.manifest
        manifest.files[0].path = path
        let data = try manifest.serialized()
        let error = #expect(throws: S3Error.self) { try Manifest(parsing: data, source: "s3://b/m") }
        #expect(error?.code == .unsafePath || error?.code == .invalidManifest)
        #expect(error?.message.contains("s3://b/m") == true)
    }

    @Test func `a manifest that contradicts itself is refused`() throws {
        let changes: [(inout Manifest) -> Void] = [
            { $0.version = 2 }, { $0.files[0].size = -1 }, { $0.files[0].sha256 = "ABC" },
            { $0.files[0].sha256 = Self.digest.uppercased() }, { $0.files[0].path = $0.files[1].path },
        ]
        for change in changes {
            var manifest = Self.manifest
            change(&manifest)
            let data = try manifest.serialized()
            #expect(throws: S3Error.self) { try Manifest(parsing: data, source: "test") }
        }
    }

    @Test func `a damaged manifest never traps`() throws {
        var random = SeededGenerator(seed: 3)
        let bytes = Array(try Self.manifest.serialized())
        for _ in 0..<2000 {
            guard let read = try? Manifest(parsing: Data(random.damaged(bytes)), source: "test") else {
                continue
            }
            _ = read.totalSize
            for file in read.files { #expect(!file.path.contains("..") || !file.path.contains("/../")) }
        }
    }

    @Test func `the total size does not overflow`() {
        var manifest = Self.manifest
        manifest.files = [
            Manifest.File(path: "a", size: .max, sha256: Self.digest),
            Manifest.File(path: "b", size: .max, sha256: Self.digest),
        ]
        #expect(manifest.totalSize == .max)
    }

    @Test func `the digest of a folder is that of the output of sha256sum`() {
        // Digest of: printf 'x' > b; printf 'y' > a; sha256sum a b | sha256sum
        let files = [
            (path: "b", sha256: ContentDigest.sha256(Data("x".utf8))),
            (path: "a", sha256: ContentDigest.sha256(Data("y".utf8))),
        ]
        #expect(
            ContentDigest.folder(files) == "74c3199f0903ff015f710c5969123a833b5a1170073746d5f34be7098cdbb72d")
    }
}
