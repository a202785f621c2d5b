import FoundationEssentials
import Synchronization

/// Holds a response's bytes between the loop's thread and its reader, and holds the transfer back while more
/// than `limit` bytes wait unread.
final class StreamSink: ResponseSink, Sendable {
    typealias HeadContinuation = CheckedContinuation<Result<HTTPResponseHead, TransportError>, Never>
    typealias ChunkContinuation = CheckedContinuation<Result<Data?, TransportError>, Never>

    private struct State {
        var headContinuation: HeadContinuation?
        var reader: ChunkContinuation?
        /// Chunks that are read from `first` on; the front is dropped once all are read.
        var chunks: [Data] = []
        var first = 0
        var waiting = 0
        var isHeldBack = false
        var isFinished = false
        var error: TransportError?

        mutating func takeChunk() -> Data? {
            guard first < chunks.count else { return nil }
            let chunk = chunks[first]
            chunks[first] = Data()
            first += 1
            waiting -= chunk.count
            if first == chunks.count {
                chunks.removeAll(keepingCapacity: true)
                first = 0
            }
            return chunk
        }
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func awaitHead(_ continuation: HeadContinuation) {
        state.withLock { $0.headContinuation = continuation }
    }

    func receive(_ head: HTTPResponseHead) {
        let continuation = state.withLock { state in
            defer { state.headContinuation = nil }
            return state.headContinuation
        }
        continuation?.resume(returning: .success(head))
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> SinkAnswer {
        let chunk = Data(bytes)
        let (answer, reader) = state.withLock { state -> (SinkAnswer, ChunkContinuation?) in
            if let reader = state.reader {
                state.reader = nil
                return (.taken, reader)
            }
            guard state.waiting < limit else {
                state.isHeldBack = true
                return (.full, nil)
            }
            state.chunks.append(chunk)
            state.waiting += chunk.count
            return (.taken, nil)
        }
        reader?.resume(returning: .success(chunk))
        return answer
    }

    func finish(_ error: TransportError?) {
        let (head, reader) = state.withLock { state -> (HeadContinuation?, ChunkContinuation?) in
            state.isFinished = true
            state.error = error
            defer {
                state.headContinuation = nil
                state.reader = nil
            }
            return (state.headContinuation, state.reader)
        }
        let lost = TransportError(
            code: .protocolViolation, message: "the connection ended before a response", isRetryable: true,
            sentPossibly: true)
        head?.resume(returning: .failure(error ?? lost))
        reader?.resume(returning: error.map { .failure($0) } ?? .success(nil))
    }

    /// Answers the reader with the next bytes, or with nil at the end, now or later. Returns whether a
    /// transfer that was held back shall go on.
    func read(_ continuation: ChunkContinuation) -> Bool {
        var answer: Result<Data?, TransportError>?
        let resumes = state.withLock { state in
            if let chunk = state.takeChunk() {
                answer = .success(chunk)
                guard state.isHeldBack, state.waiting <= limit / 2 else { return false }
                state.isHeldBack = false
                return true
            }
            if state.isFinished {
                answer = state.error.map { .failure($0) } ?? .success(nil)
            } else if state.reader != nil {
                answer = .failure(
                    TransportError(code: .invalidRequest, message: "a stream has one reader at a time"))
            } else {
                state.reader = continuation
            }
            return false
        }
        if let answer { continuation.resume(returning: answer) }
        return resumes
    }
}
