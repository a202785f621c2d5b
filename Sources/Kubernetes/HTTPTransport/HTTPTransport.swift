import FoundationEssentials
import Logging
import Synchronization

/// Sends HTTP requests through libcurl, with HTTP/2 if the server has it, on threads of its own: one or more
/// for requests, and one for streams. A burst of watch events delays no request.
public final class HTTPTransport: Sendable {
    public struct Configuration: Hashable, Sendable {
        /// Open connections to one host, at most; further requests wait. 0 for no limit.
        public var maxConnectionsPerHost: Int
        /// Whether requests to one host share a connection if the server has HTTP/2; streams always do.
        /// libcurl looks at all transfers of a connection whenever bytes come for one, so many small requests
        /// cost less on a connection each; there are then as many connections as requests at once.
        public var sharesConnections: Bool
        /// Connections kept open for later requests.
        public var idleConnections: Int
        /// Bytes of a stream that may wait unread before its transfer is held back.
        public var streamBufferBytes: Int
        /// Time by which bytes of a response, or of a stream, may be held up, so that small pieces come
        /// together and cost less; a second at most. Bytes that come after a pause are not held up.
        public var responseGathering: Duration
        public var streamGathering: Duration
        /// Threads for requests, which take turns; each has connections of its own. More than one helps where
        /// moving the bytes of bodies is more than one processor can do.
        public var requestThreads: Int

        public init(
            maxConnectionsPerHost: Int = 0, sharesConnections: Bool = true, idleConnections: Int = 16,
            streamBufferBytes: Int = 1 << 20, responseGathering: Duration = .zero,
            streamGathering: Duration = .zero, requestThreads: Int = 1
        ) {
            self.maxConnectionsPerHost = maxConnectionsPerHost
            self.sharesConnections = sharesConnections
            self.idleConnections = idleConnections
            self.streamBufferBytes = streamBufferBytes
            self.responseGathering = responseGathering
            self.streamGathering = streamGathering
            self.requestThreads = requestThreads
        }

        /// Settings for a program that follows watches and makes many small requests, as a controller does.
        /// Nobody notices these waits: most of what a watch tells a controller is what it wrote itself, which
        /// the answers to its writes have told it before the 25 ms are over.
        public static let controller = Configuration(
            sharesConnections: false, idleConnections: 64, responseGathering: .microseconds(500),
            streamGathering: .milliseconds(25))

        /// Settings for a program that moves many files at once: a connection each, which is kept.
        public static let transfers = Configuration(
            sharesConnections: false, idleConnections: 64, requestThreads: 2)
    }

    private let configuration: Configuration
    private let loops: [EventLoop]
    /// Number of requests so far, which says whose turn it is.
    private let turn = Atomic<Int>(0)
    private let streamLoop: EventLoop
    private let logger: Logger

    public init(
        configuration: Configuration = Configuration(), logger: Logger = Logger(label: "anneal.http")
    ) {
        self.configuration = configuration
        self.logger = logger
        loops = (0..<max(1, configuration.requestThreads)).map { _ in
            EventLoop(
                maximumConnectionsPerHost: configuration.maxConnectionsPerHost,
                idleConnections: configuration.idleConnections,
                sharesConnections: configuration.sharesConnections,
                gathering: configuration.responseGathering)
        }
        streamLoop = EventLoop(
            maximumConnectionsPerHost: configuration.maxConnectionsPerHost,
            idleConnections: configuration.idleConnections, sharesConnections: true,
            gathering: configuration.streamGathering)
    }

    deinit { shutdown() }

    /// Sends a request and collects the response, whatever its status. Cancelling the task ends the
    /// transfer.
    ///
    /// - Throws: `.bodyTooLarge` when the response has more than `maximumBodyBytes`.
    public func send(
        _ request: HTTPRequest, maximumBodyBytes: Int = 64 << 20
    ) async throws(TransportError) -> HTTPResponse {
        let result = await perform(request) { MemorySink(limit: maximumBodyBytes, continuation: $0) }
        return try result.get()
    }

    /// Sends a request and writes the body of a success to `fileDescriptor` from `offset` on, as it comes.
    /// The file stays open. For a status of 300 or more the file is left alone, and the first 64 KiB of the
    /// body are returned.
    ///
    /// - Parameter observe: is called for each piece of the body that was written, in order, on a
    ///   thread of the transport's: it must be quick.
    public func download(
        _ request: HTTPRequest, to fileDescriptor: Int32, at offset: Int64,
        observe: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil
    ) async throws(TransportError) -> (head: HTTPResponseHead, errorBody: Data) {
        // One thread for one file: several would only wait for each other at the file's lock.
        let result = await perform(request, turn: Int(fileDescriptor)) {
            FileSink(descriptor: fileDescriptor, offset: offset, observe: observe, continuation: $0)
        }
        return try result.get()
    }

    /// Sends a request and returns once the response's head has come, whatever its status.
    public func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPStream {
        let sink = StreamSink(limit: configuration.streamBufferBytes)
        let transfer = Transfer(request, sink: sink)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                sink.awaitHead(continuation)
                streamLoop.start(transfer)
            }
        } onCancel: {
            streamLoop.cancel(transfer)
        }
        return HTTPStream(
            head: try report(request, result).get(), sink: sink, transfer: transfer, loop: streamLoop)
    }

    /// Ends transfers that are under way with `.shutDown`, and all later ones, too.
    public func shutdown() {
        for loop in loops { loop.close() }
        streamLoop.close()
    }

    private typealias Outcome<Value> = Result<Value, TransportError>

    private func perform<Value>(
        _ request: HTTPRequest, turn chosen: Int? = nil,
        sink: (CheckedContinuation<Outcome<Value>, Never>) -> any ResponseSink
    ) async -> Outcome<Value> {
        let pending = Pending()
        let number = chosen ?? turn.wrappingAdd(1, ordering: .relaxed).oldValue
        let loop = loops[Int(UInt(bitPattern: number) % UInt(loops.count))]
        let result: Outcome<Value> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let transfer = Transfer(request, sink: sink(continuation))
                pending.begin(transfer, on: loop)
            }
        } onCancel: {
            pending.cancel(on: loop)
        }
        return report(request, result)
    }

    private func report<Value>(_ request: HTTPRequest, _ result: Outcome<Value>) -> Outcome<Value> {
        if case .failure(let error) = result, error.code != .cancelled {
            logger.debug("\(request.method) \(request.url.prefix { $0 != "?" }): \(error.message)")
        }
        return result
    }
}
