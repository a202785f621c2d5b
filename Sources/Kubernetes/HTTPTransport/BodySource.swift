import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Hands a request's body to libcurl piece by piece, from memory or from a range of a file.
struct BodySource: ~Copyable {
    private let data: Data
    private let descriptor: Int32
    private let start: Int64
    private let length: Int64
    private var position: Int64 = 0

    init(_ body: HTTPBody) throws(TransportError) {
        switch body {
        case .none:
            self.init(data: Data())
        case .data(let data):
            self.init(data: data)
        case .file(let descriptor, let offset, let length):
            guard offset >= 0, length >= 0, !offset.addingReportingOverflow(length).overflow else {
                throw TransportError(
                    code: .invalidRequest,
                    message: "the body's file has no range of \(length) bytes from \(offset) on")
            }
            self.init(descriptor: descriptor, start: offset, length: length)
        }
    }

    /// An empty body.
    init() { self.init(data: Data()) }

    private init(data: Data) {
        self.data = data
        descriptor = -1
        start = 0
        length = Int64(data.count)
    }

    private init(descriptor: Int32, start: Int64, length: Int64) {
        data = Data()
        self.descriptor = descriptor
        self.start = start
        self.length = length
    }

    /// Fills `buffer` with the next bytes; returns their number, 0 at the end.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int {
        let wanted = min(buffer.count, Int(clamping: length - position))
        guard wanted > 0, let base = buffer.baseAddress else { return 0 }
        if descriptor < 0 {
            let from = data.startIndex + Int(position)
            data.copyBytes(to: buffer, from: from..<(from + wanted))
            position += Int64(wanted)
            return wanted
        }
        let count = pread(descriptor, base, wanted, off_t(start + position))
        guard count >= 0 else { throw Self.error(errno, "read the body's file") }
        guard count > 0 else { throw Self.error(ENODATA, "read the body's file, which became shorter") }
        position += Int64(count)
        return count
    }

    /// Goes back, for a request that is sent again on another connection.
    mutating func seek(to offset: Int64) -> Bool {
        guard offset >= 0, offset <= length else { return false }
        position = offset
        return true
    }

    private static func error(_ number: Int32, _ what: String) -> TransportError {
        TransportError(
            code: .localFile(errno: number), message: "\(what): \(String(cString: strerror(number)))")
    }
}
