import Crypto
import Encodings
import FoundationEssentials

/// Names of content by SHA-256, as 64 lower-case hexadecimal digits. The one place that says what a digest
/// covers:
///
/// - **one object or file**: its bytes;
/// - **a folder with a manifest of Anneal's** (`Manifest.fileName`, or `Manifest.formerFileName` if its
///   members are those of a `Manifest`): the bytes of that manifest, which lists every file with its SHA-256;
/// - **a folder without one**: the text that has, for each file, a line `<sha256>  <path>` and a newline,
///   sorted by the bytes of the path, the path being relative to the folder. Hidden files count, and so does
///   a `manifest.json` of anyone else's. In a local copy of the folder:
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

    /// Digest of a whole file.
    static func sha256(of file: borrowing LocalFile) async throws(S3Error) -> String {
        var digest = StreamingDigest()
        try await digest.update(from: file.content, 0..<Int64.max)
        return digest.finish()
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

    mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    /// Feeds a range of a file, as far as the file goes. Holds 256 KiB, and lets other tasks run between.
    mutating func update(from file: FileContent, _ range: Range<Int64>) async throws(S3Error) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = try feed(from: file, at: offset, atMost: min(16 << 20, range.upperBound - offset))
            if count == 0 { break }
            offset += count
            guard !Task.isCancelled else { throw S3Error(.cancelled, "reading '\(file.path)': stopped") }
            await Task.yield()
        }
    }

    private mutating func feed(
        from file: FileContent, at start: Int64, atMost limit: Int64
    ) throws(S3Error) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        var done: Int64 = 0
        while done < limit {
            let wanted = Int(min(Int64(buffer.count), limit - done))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = try file.read(into: part, at: start + done)
            if count == 0 { break }
            update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            done += Int64(count)
        }
        return done
    }

    public func finish() -> String { Hexadecimal.encode(hash.finalize()) }
}
