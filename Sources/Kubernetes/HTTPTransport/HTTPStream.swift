import FoundationEssentials

/// A response whose body is read as it comes, by one reader. Dropping the stream, or cancelling the reading
/// task, ends the transfer.
public struct HTTPStream: AsyncSequence, Sendable {
    public typealias Element = Data
    public typealias Failure = TransportError

    public let head: HTTPResponseHead
    private let handle: Handle

    init(head: HTTPResponseHead, sink: StreamSink, transfer: Transfer, loop: EventLoop) {
        self.head = head
        handle = Handle(sink: sink, transfer: transfer, loop: loop)
    }

    public func makeAsyncIterator() -> Iterator { Iterator(handle: handle) }

    /// Ends the transfer. Bytes that came before it can still be read.
    public func cancel() { handle.cancel() }

    /// The rest of the body, cut at `limit` bytes. Ends the transfer.
    public func remainder(limit: Int) async throws(TransportError) -> Data {
        var body = Data()
        defer { cancel() }
        while body.count < limit, let chunk = try await handle.next() { body.append(chunk) }
        return body.prefix(limit)
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let handle: Handle

        public mutating func next() async throws(TransportError) -> Data? { try await handle.next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(TransportError)
            -> Data?
        {
            try await handle.next()
        }
    }

    fileprivate final class Handle: Sendable {
        private let sink: StreamSink
        private let transfer: Transfer
        private let loop: EventLoop

        init(sink: StreamSink, transfer: Transfer, loop: EventLoop) {
            self.sink = sink
            self.transfer = transfer
            self.loop = loop
        }

        deinit { cancel() }

        func cancel() { loop.cancel(transfer) }

        func next() async throws(TransportError) -> Data? {
            let result = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if sink.read(continuation) { loop.resume(transfer) }
                }
            } onCancel: {
                cancel()
            }
            return try result.get()
        }
    }
}
