import FoundationEssentials
import ObjectStorage

/// Reads a local file in pieces.
enum FileChunks {
    private static let size = 1 << 18

    /// Calls `body` with all bytes of a file in order, 256 KiB at a time.
    static func forEach(_ path: String, _ body: (Data) throws -> Void) throws {
        let file = try LocalFile(reading: path)
        var offset: Int64 = 0
        while true {
            let chunk = try file.chunk(at: offset, count: size)
            if chunk.isEmpty { return }
            offset += Int64(chunk.count)
            try body(chunk)
        }
    }
}
