import FoundationEssentials

/// Cuts a stream of bytes into lines, whatever the boundaries of its pieces.
public struct LineDecoder: Sendable {
    /// A line has more bytes than are allowed.
    public struct LineTooLong: Error, Hashable, Sendable {
        public var limit: Int
    }

    private let limit: Int
    private var buffer: [UInt8] = []
    /// Offsets of the next line's start, and of the first byte not yet searched for its end.
    private var start = 0
    private var searched = 0

    /// - Parameter maximumLineBytes: limit of a line. An object in etcd has 1.5 MiB at most; its JSON may be
    ///   somewhat larger.
    public init(maximumLineBytes: Int = 16 << 20) { limit = maximumLineBytes }

    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            searched -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole line without its end; nil until it has come. Empty lines are skipped.
    public mutating func next() throws(LineTooLong) -> Data? {
        while let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
            guard end - start <= limit else { throw LineTooLong(limit: limit) }
            var line = buffer[start..<end]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            start = end + 1
            searched = start
            if start == buffer.count { shrink() }
            if !line.isEmpty { return Data(line) }
        }
        searched = buffer.count
        guard buffer.count - start <= limit else { throw LineTooLong(limit: limit) }
        return nil
    }

    /// The rest of an ended stream, a line without its end; nil if there is none.
    public mutating func finish() -> Data? {
        guard start < buffer.count else { return nil }
        defer { shrink() }
        return Data(buffer[start...])
    }

    /// Releases the memory of an unusually long line.
    private mutating func shrink() {
        buffer.removeAll(keepingCapacity: buffer.capacity <= 64 << 10)
        start = 0
        searched = 0
    }
}
