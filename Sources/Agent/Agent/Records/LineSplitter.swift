import FoundationEssentials

/// Cuts chunks of bytes into lines. Holds the unfinished line at the end of a chunk.
struct LineSplitter {
    /// Bytes of a line, at most; a longer line ends the reading.
    let limit: Int
    private var partial: [UInt8] = []

    struct LineTooLong: Error, Equatable {}

    init(limit: Int) { self.limit = limit }

    /// Calls `body` with each line that ends in this chunk, without its line feed.
    mutating func take(_ chunk: Data, _ body: ([UInt8]) throws -> Void) throws {
        var rest = chunk[...]
        while let end = rest.firstIndex(of: 0x0A) {
            try append(rest[..<end])
            let line = partial
            partial.removeAll(keepingCapacity: true)
            rest = rest[rest.index(after: end)...]
            try body(line)
        }
        try append(rest)
    }

    /// Calls `body` with the last line, if it has no line feed.
    mutating func finish(_ body: ([UInt8]) throws -> Void) throws {
        guard !partial.isEmpty else { return }
        let line = partial
        partial = []
        try body(line)
    }

    private mutating func append(_ bytes: Data) throws {
        guard bytes.count <= limit - partial.count else { throw LineTooLong() }
        partial.append(contentsOf: bytes)
    }
}
