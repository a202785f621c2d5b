import FoundationEssentials

/// What an upload must know of a file before it begins, from one reading: digests of the whole and of each
/// part, and the bytes themselves of a short file.
struct FileReading: Sendable {
    struct Part: Sendable {
        var range: Range<Int64>
        var sha256: String
    }

    /// Size up to which a file is held in memory and need not be read again.
    static let shortSize: Int64 = 1 << 20

    let mark: LocalFile.Fingerprint
    let sha256: String
    /// Parts of a file that is larger than one; empty otherwise.
    let parts: [Part]
    /// Content of a short file.
    let bytes: Data?

    var size: Int64 { mark.size }

    /// - Parameter partSize: size from which on the file is cut into parts of that size or more.
    init(of file: borrowing LocalFile, partSize: Int64) async throws(S3Error) {
        mark = try file.fingerprint()
        if mark.size <= min(Self.shortSize, partSize) {
            let data = try file.chunk(at: 0, count: Int(mark.size))
            sha256 = ContentDigest.sha256(data)
            parts = []
            bytes = data
        } else {
            bytes = nil
            let content = file.content
            let ranges = mark.size > partSize ? S3Client.parts(of: mark.size, least: partSize) : []
            (sha256, parts) = try await Self.digests(of: content, size: mark.size, ranges)
        }
    }

    /// Digest of the whole and of each range. The two are made at once, from bytes that are read once.
    private static func digests(
        of content: FileContent, size: Int64, _ ranges: [Range<Int64>]
    ) async throws(S3Error) -> (whole: String, parts: [Part]) {
        let buffer = DigestBuffer(content)
        var whole = StreamingDigest()
        guard !ranges.isEmpty else {
            try await whole.update(from: content, 0..<size)
            return (whole.finish(), [])
        }
        var parts: [Part] = []
        for range in ranges {
            var part = StreamingDigest()
            var offset = range.lowerBound
            while offset < range.upperBound {
                let count = try buffer.fill(at: offset, atMost: range.upperBound - offset)
                guard count > 0 else { break }
                async let next = buffer.feed(part)
                whole = buffer.feed(whole)
                part = await next
                offset += count
                guard !Task.isCancelled else {
                    throw S3Error(.cancelled, "reading '\(content.path)': stopped")
                }
            }
            parts.append(Part(range: range, sha256: part.finish()))
        }
        return (whole.finish(), parts)
    }
}

/// A piece of a file in memory, of which two digests are made at once.
///
/// Sendable though it has unprotected state: it is filled only while nobody reads it.
private final class DigestBuffer: @unchecked Sendable {
    private let content: FileContent
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 << 20, alignment: 64)
    private var count = 0

    init(_ content: FileContent) { self.content = content }

    deinit { memory.deallocate() }

    /// Reads the next bytes, and returns their number, 0 at the end.
    func fill(at offset: Int64, atMost limit: Int64) throws(S3Error) -> Int64 {
        let wanted = UnsafeMutableRawBufferPointer(rebasing: memory[..<Int(min(Int64(memory.count), limit))])
        count = try content.read(into: wanted, at: offset)
        return Int64(count)
    }

    func feed(_ digest: StreamingDigest) -> StreamingDigest {
        var digest = digest
        digest.update(UnsafeRawBufferPointer(rebasing: memory[..<count]))
        return digest
    }
}
