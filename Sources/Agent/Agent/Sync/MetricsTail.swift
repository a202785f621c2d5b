import FoundationEssentials
import ObjectStorage

/// Follows a growing file of lines. Holds one chunk and one line.
struct MetricsTail {
    static let lineLimit = 64 << 10
    private static let chunkSize = 256 << 10
    /// Chunks that one look reads, at most, so that a long backlog does not keep the sidecar from its other
    /// work.
    private static let chunksPerLook = 16

    private let path: String
    private var offset: Int64 = 0
    private var inode: UInt64?
    private var size: Int64 = 0
    private var partial: [UInt8] = []
    /// Whether the rest of a line that is too long is being skipped.
    private var isSkipping = false

    init(path: String) { self.path = path }

    /// Reads the bytes appended since the last look, and calls `body` for each whole line. True if the file
    /// has changed. A file that was replaced or cut is read from its start.
    mutating func look(_ body: ([UInt8]) -> Void) -> Bool {
        guard let file = try? LocalFile(reading: path), let mark = try? file.identity() else { return false }
        var changed = mark.size != size || mark.inode != inode
        if mark.inode != inode || mark.size < offset {
            offset = 0
            partial = []
            isSkipping = false
        }
        inode = mark.inode
        size = mark.size
        for _ in 0..<Self.chunksPerLook {
            guard let chunk = try? file.chunk(at: offset, count: Self.chunkSize), !chunk.isEmpty else {
                break
            }
            changed = true
            offset += Int64(chunk.count)
            take(chunk, body)
        }
        return changed
    }

    private mutating func take(_ chunk: Data, _ body: ([UInt8]) -> Void) {
        var rest = chunk[...]
        while let end = rest.firstIndex(of: 0x0A) {
            gather(rest[..<end])
            if !isSkipping, !partial.isEmpty { body(partial) }
            partial.removeAll(keepingCapacity: true)
            isSkipping = false
            rest = rest[rest.index(after: end)...]
        }
        gather(rest)
    }

    private mutating func gather(_ bytes: Data) {
        guard !isSkipping else { return }
        guard bytes.count <= Self.lineLimit - partial.count else {
            isSkipping = true
            partial = []
            return
        }
        partial.append(contentsOf: bytes)
    }
}
