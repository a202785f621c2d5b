import Crypto
import Encodings
import FoundationEssentials

/// Names of content by SHA-256, as 64 lower-case hexadecimal digits. The one place that says what a digest
/// covers:
///
/// - **one object or file**: its bytes;
/// - **a folder with a `manifest.json`** (`Manifest.fileName`): the bytes of that manifest, which lists every
///   file with its SHA-256;
/// - **a folder without one**: the text that has, for each file, a line `<sha256>  <path>` and a newline,
///   sorted by the bytes of the path, the path being relative to the folder. In a local copy of the folder:
///   `find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`.
public enum ContentDigest {
    /// Digest of no bytes.
    static let empty = sha256(Data())

    public static func sha256(_ data: some DataProtocol) -> String { Hexadecimal.sha256(data) }

    /// Digest of a folder without a manifest.
    public static func folder(_ files: [(path: String, sha256: String)]) -> String {
        let sorted = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        var hash = StreamingDigest()
        for file in sorted { hash.update(Data("\(file.sha256)  \(file.path)\n".utf8)) }
        return hash.finish()
    }

    /// The digest in lower case; nil if the text is no digest.
    public static func normalised(_ text: String) -> String? {
        guard text.utf8.count == 64, text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
            return nil
        }
        return text.lowercased()
    }

    /// Digest of the bytes `range` of a file; nil: of the whole file. Holds 256 KiB at a time, and lets other
    /// tasks run between.
    static func sha256(of file: borrowing LocalFile, range: Range<Int64>? = nil) async throws(S3Error)
        -> String
    {
        var hash = SHA256()
        var offset = range?.lowerBound ?? 0
        let end = range?.upperBound ?? Int64.max
        while offset < end {
            let count = try update(&hash, from: file, at: offset, atMost: min(16 << 20, end - offset))
            if count == 0 { break }
            offset += count
            guard !Task.isCancelled else { throw S3Error(.cancelled, "reading '\(file.path)': stopped") }
            await Task.yield()
        }
        return Hexadecimal.encode(hash.finalize())
    }

    private static func update(
        _ hash: inout SHA256, from file: borrowing LocalFile, at start: Int64, atMost limit: Int64
    ) throws(S3Error) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        var done: Int64 = 0
        while done < limit {
            let wanted = Int(min(Int64(buffer.count), limit - done))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = try file.read(into: part, at: start + done)
            if count == 0 { break }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            done += Int64(count)
        }
        return done
    }

    /// Digest of the file at a path.
    public static func sha256(ofFile path: String) async throws(S3Error) -> String {
        let file = try LocalFile(reading: path)
        return try await sha256(of: file)
    }
}

/// A SHA-256 that is fed in pieces.
public struct StreamingDigest: Sendable {
    private var hash = SHA256()

    public init() {}

    public mutating func update(_ data: some DataProtocol) { hash.update(data: data) }

    public func finish() -> String { Hexadecimal.encode(hash.finalize()) }
}
