import FoundationEssentials

/// Cuts a stream of bytes into lines, wherever the pieces were split.
public struct LineDecoder: Sendable {
    /// A line has more bytes than are allowed.
    public struct LineTooLong: Error, Hashable, Sendable {
        public var limit: Int
    }

    private let limit: Int
    private var buffer: [UInt8] = []
    /// Where the next line begins, and up to where there is known to be no line's end.
    private var start = 0
    private var searched = 0

    /// - Parameter maximumLineBytes: an object in etcd has 1.5 MiB at most; its JSON may be some larger.
    public init(maximumLineBytes: Int = 16 << 20) { limit = maximumLineBytes }

    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            searched -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole line without its end; nil until there is one. Empty lines are passed over.
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

    /// What is left when the stream has ended: a line without its end; nil if there is nothing.
    public mutating func finish() -> Data? {
        guard start < buffer.count else { return nil }
        defer { shrink() }
        return Data(buffer[start...])
    }

    /// Gives the memory of an unusually long line back.
    private mutating func shrink() {
        buffer.removeAll(keepingCapacity: buffer.capacity <= 64 << 10)
        start = 0
        searched = 0
    }
}
