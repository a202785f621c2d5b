import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Answer of a sink that was offered bytes.
enum SinkAnswer {
    case taken
    /// No room: offer the bytes again after the transfer was resumed.
    case full
    case failed(TransportError)
}

/// Receiver of a response. Called on the loop's thread only: head, bytes, and `finish` exactly once.
protocol ResponseSink: AnyObject, Sendable {
    func receive(_ head: HTTPResponseHead)
    func receive(_ bytes: UnsafeRawBufferPointer) -> SinkAnswer
    func finish(_ error: TransportError?)
}

/// Collects a response in memory.
///
/// Sendable though it has unprotected state: after submission only the loop's thread touches it.
final class MemorySink: ResponseSink, @unchecked Sendable {
    private let limit: Int
    private var continuation: CheckedContinuation<Result<HTTPResponse, TransportError>, Never>?
    private var response = HTTPResponse(status: 0)

    init(limit: Int, continuation: CheckedContinuation<Result<HTTPResponse, TransportError>, Never>) {
        self.limit = limit
        self.continuation = continuation
    }

    func receive(_ head: HTTPResponseHead) {
        response.status = head.status
        response.headers = head.headers
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> SinkAnswer {
        guard bytes.count <= limit - response.body.count else {
            return .failed(
                TransportError(
                    code: .bodyTooLarge(limit: limit), message: "the response has more than \(limit) bytes"))
        }
        response.body.append(contentsOf: bytes)
        return .taken
    }

    func finish(_ error: TransportError?) {
        continuation?.resume(returning: error.map { .failure($0) } ?? .success(response))
        continuation = nil
    }
}

/// Writes the body of a success to a place in a file, as it comes, and keeps the body of an error.
///
/// Sendable though it has unprotected state: after submission only the loop's thread touches it.
final class FileSink: ResponseSink, @unchecked Sendable {
    typealias Outcome = (head: HTTPResponseHead, errorBody: Data)
    private static let errorBodyLimit = 1 << 16
    /// Bytes that are written at once. libcurl hands on 16 KiB at most, and never at the edge of a page: so
    /// the file system would touch most pages twice.
    private static let blockSize = 256 << 10

    private let descriptor: Int32
    private var offset: Int64
    private let observe: (@Sendable (UnsafeRawBufferPointer) -> Void)?
    private var continuation: CheckedContinuation<Result<Outcome, TransportError>, Never>?
    private var outcome: Outcome = (HTTPResponseHead(status: 0), Data())
    /// Bytes that came and are not written yet.
    private var block: [UInt8] = []

    init(
        descriptor: Int32, offset: Int64, observe: (@Sendable (UnsafeRawBufferPointer) -> Void)?,
        continuation: CheckedContinuation<Result<Outcome, TransportError>, Never>
    ) {
        self.descriptor = descriptor
        self.offset = offset
        self.observe = observe
        self.continuation = continuation
    }

    func receive(_ head: HTTPResponseHead) {
        outcome.head = head
        let length = head[header: "content-length"].flatMap { Int($0) } ?? 0
        block.reserveCapacity(min(max(length, 0), Self.blockSize))
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> SinkAnswer {
        guard outcome.head.status < 300 else {
            outcome.errorBody.append(contentsOf: bytes.prefix(Self.errorBodyLimit - outcome.errorBody.count))
            return .taken
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Self.blockSize - block.count)
            block.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece))
            rest = rest.dropFirst(piece.count)
            if block.count == Self.blockSize, let error = writeBlock() { return .failed(error) }
        }
        return .taken
    }

    func finish(_ error: TransportError?) {
        let error = error ?? writeBlock()
        continuation?.resume(returning: error.map { .failure($0) } ?? .success(outcome))
        continuation = nil
    }

    private func writeBlock() -> TransportError? {
        let error = block.withUnsafeBytes { bytes in
            observe?(bytes)
            return write(bytes)
        }
        block.removeAll(keepingCapacity: true)
        return error
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> TransportError? {
        var rest = bytes
        while let base = rest.baseAddress, rest.count > 0 {
            let count = pwrite(descriptor, base, rest.count, off_t(offset))
            if count < 0 {
                let number = errno
                if number == EINTR { continue }
                let text = String(cString: strerror(number))
                return TransportError(
                    code: .localFile(errno: number), message: "write the download: \(text)")
            }
            offset += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return nil
    }
}
