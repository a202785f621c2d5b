import Encodings
import FoundationEssentials

/// Commit of a folder in S3: it lists every file with its size and SHA-256, and is written last. A folder
/// without a valid manifest counts as absent.
public struct Manifest: Codable, Hashable, Sendable {
    public struct File: Codable, Hashable, Sendable {
        /// Path relative to the folder.
        public var path: String
        /// Size in bytes.
        public var size: Int64
        /// SHA-256 in lower-case hexadecimal digits.
        public var sha256: String

        public init(path: String, size: Int64, sha256: String) {
            self.path = path
            self.size = size
            self.sha256 = sha256
        }
    }

    /// Name of the manifest in a folder. It is reserved: a file that has it is never uploaded as a file.
    public static let fileName = "anneal-manifest.json"
    /// Name that manifests had before. A file of that name is a manifest only where there is none of the name
    /// above, and if it has a manifest's members; else it is a file like others.
    public static let formerFileName = "manifest.json"
    public static let currentVersion = 1
    /// Bytes of a manifest, at most; a larger one is refused.
    public static let sizeLimit = 16 << 20

    /// Version of the format: 1.
    public var version: Int
    /// UID of the run that wrote the manifest.
    public var run: String
    public var attempt: Int
    /// Step of a checkpoint; nil for other folders.
    public var step: Int64?
    /// Time of the commit, RFC 3339.
    public var createdAt: String
    /// Files, sorted by path.
    public var files: [File]
    public var metadata: [String: String]

    public init(
        run: String, attempt: Int, step: Int64? = nil, createdAt: String, files: [File],
        metadata: [String: String] = [:]
    ) {
        version = Self.currentVersion
        self.run = run
        self.attempt = attempt
        self.step = step
        self.createdAt = createdAt
        self.files = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        self.metadata = metadata
    }

    /// Size of all files in bytes, clamped to 64 bits.
    public var totalSize: Int64 {
        files.reduce(0) { sum, file in
            let (result, overflow) = sum.addingReportingOverflow(file.size)
            return overflow ? .max : result
        }
    }

    /// The canonical JSON: members sorted by name, no blanks, so that equal manifests have equal bytes.
    public func serialized() throws(S3Error) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return try encoder.encode(self) } catch {
            throw S3Error(.invalidManifest, "the manifest cannot be written: \(error)")
        }
    }

    /// Reads and checks a manifest.
    ///
    /// - Parameter source: origin of the data, for messages.
    public init(parsing data: Data, source: String) throws(S3Error) {
        func invalid(_ problem: String) -> S3Error {
            S3Error(.invalidManifest, "\(source) is no manifest that can be used: \(problem)")
        }
        guard data.count <= Self.sizeLimit else { throw invalid("it has more than \(Self.sizeLimit) bytes") }
        do { self = try JSONDecoder().decode(Manifest.self, from: data) } catch {
            let problem = (error as? DecodingError)?.problem ?? "it cannot be decoded"
            throw invalid("it is \(ContentKind(of: data).description): \(problem)")
        }
        try check(source: source)
    }

    /// Reads a file that has the former name of manifests. Nil for anyone else's, which lacks members of a
    /// manifest: it is data.
    ///
    /// - Throws: `.invalidManifest` or `.unsafePath` for a manifest that cannot be used.
    init?(parsingFormer data: Data, source: String) throws(S3Error) {
        guard let manifest = try? JSONDecoder().decode(Manifest.self, from: data) else { return nil }
        self = manifest
        // Files of that name were left out of manifests that had it.
        guard !files.contains(where: { $0.path == Self.formerFileName }) else { return nil }
        try check(source: source)
    }

    private func check(source: String) throws(S3Error) {
        func invalid(_ problem: String) -> S3Error {
            S3Error(.invalidManifest, "\(source) is no manifest that can be used: \(problem)")
        }
        guard version == Self.currentVersion else { throw invalid("its version is \(version), not 1") }
        var seen: Set<String> = []
        for file in files {
            try RelativePath.check(file.path, source: source)
            guard seen.insert(file.path).inserted else { throw invalid("it lists '\(file.path)' twice") }
            guard file.path != Self.fileName else { throw invalid("it lists itself") }
            guard file.size >= 0 else { throw invalid("'\(file.path)' has a negative size") }
            guard ContentDigest.normalised(file.sha256) == file.sha256 else {
                throw invalid("the sha256 of '\(file.path)' is not 64 lower-case hexadecimal digits")
            }
        }
    }
}

/// A manifest in the store, and its digest.
public struct CommittedManifest: Hashable, Sendable {
    /// Location of the folder.
    public var location: S3Location
    public var manifest: Manifest
    /// SHA-256 of the manifest's bytes as stored.
    public var sha256: String

    public init(location: S3Location, manifest: Manifest, sha256: String) {
        self.location = location
        self.manifest = manifest
        self.sha256 = sha256
    }
}

/// Paths of files relative to a folder, as they come from manifests and listings.
public enum RelativePath {
    private static let depthLimit = 32

    /// Checks that a path cannot name anything outside its folder.
    ///
    /// - Throws: `.unsafePath` if it could.
    public static func check(_ path: String, source: String) throws(S3Error) {
        guard isPlain(path) else {
            throw S3Error(
                .unsafePath,
                "\(source) names the file '\(path.prefix(200))', which is no plain path below its folder; "
                    + "use relative paths without '..', '.', '\\' and control characters")
        }
    }

    /// Whether a path names a file below its folder in a way that every store and file system keeps.
    static func isPlain(_ path: String) -> Bool {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        return !path.isEmpty && path.utf8.count <= 1024 && segments.count <= depthLimit
            && !segments.contains { $0.isEmpty || $0 == "." || $0 == ".." || $0.utf8.count > 255 }
            && !path.utf8.contains { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }
    }
}
