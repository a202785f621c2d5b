import FoundationEssentials
import HTTPTransport
import KubernetesAPI

/// The updates of one watch, until the server or the connection ends it. Objects that do not decode are
/// skipped: `WatchUpdates` has them.
public struct WatchStream<R: KubernetesResource>: AsyncSequence, Sendable {
    public typealias Element = WatchEvent<R>
    public typealias Failure = KubernetesError

    private let stream: HTTPStream
    private let onMalformed: (@Sendable (MalformedObject) -> Void)?

    init(_ stream: HTTPStream, onMalformed: (@Sendable (MalformedObject) -> Void)?) {
        self.stream = stream
        self.onMalformed = onMalformed
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(lines: WatchUpdates<R>(stream).makeAsyncIterator(), onMalformed: onMalformed)
    }

    /// Ends the watch.
    public func cancel() { stream.cancel() }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var lines: WatchUpdates<R>.Iterator
        fileprivate let onMalformed: (@Sendable (MalformedObject) -> Void)?

        public mutating func next() async throws(KubernetesError) -> WatchEvent<R>? {
            try await next(isolation: nil)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(KubernetesError) -> WatchEvent<R>? {
            while let update = try await lines.next(isolation: actor) {
                switch update {
                case .event(let event): return event
                case .malformed(let object, _): onMalformed?(object)
                }
            }
            return nil
        }
    }
}

/// All updates of a watch, objects that do not decode included.
public struct WatchUpdates<R: KubernetesResource>: AsyncSequence, Sendable {
    public typealias Element = WatchUpdate<R>
    public typealias Failure = KubernetesError

    private let stream: HTTPStream
    private let isKnown: WatchDecoder<R>.IsKnown?

    init(_ stream: HTTPStream, isKnown: WatchDecoder<R>.IsKnown? = nil) {
        self.stream = stream
        self.isKnown = isKnown
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(bytes: stream.makeAsyncIterator(), decoder: WatchDecoder<R>(isKnown: isKnown))
    }

    /// Ends the watch.
    public func cancel() { stream.cancel() }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var bytes: HTTPStream.Iterator
        private var decoder: WatchDecoder<R>

        fileprivate init(bytes: HTTPStream.Iterator, decoder: WatchDecoder<R>) {
            self.bytes = bytes
            self.decoder = decoder
        }

        public mutating func next() async throws(KubernetesError) -> WatchUpdate<R>? {
            try await next(isolation: nil)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(KubernetesError) -> WatchUpdate<R>? {
            while true {
                if let update = try decoder.next() { return update }
                let chunk: Data?
                do throws(TransportError) {
                    chunk = try await bytes.next(isolation: actor)
                } catch {
                    throw .transport(error)
                }
                guard let chunk else { return decoder.finish() }
                decoder.append(chunk)
            }
        }
    }
}

/// Decodes updates from the bytes of a watch, whatever the boundaries of the pieces. A pure value.
public struct WatchDecoder<R: KubernetesResource>: Sendable {
    /// Whether the object of this version is known already, from the answer to the write that made it.
    public typealias IsKnown = @Sendable (_ resourceVersion: String) -> Bool

    private var lines: LineDecoder
    private let isKnown: IsKnown?

    /// - Parameter isKnown: asked once for each object that was added or changed. A known one is not decoded
    ///   again: a bookmark of its version takes its place.
    public init(maximumLineBytes: Int = 16 << 20, isKnown: IsKnown? = nil) {
        lines = LineDecoder(maximumLineBytes: maximumLineBytes)
        self.isKnown = isKnown
    }

    public mutating func append(_ bytes: some Sequence<UInt8>) { lines.append(bytes) }

    /// The next update; nil until more bytes have come.
    ///
    /// - Throws: `.decoding` for a line that is no watch event: the stream cannot be trusted any more.
    public mutating func next() throws(KubernetesError) -> WatchUpdate<R>? {
        let line: Data?
        do throws(LineDecoder.LineTooLong) {
            line = try lines.next()
        } catch {
            throw .decoding("a watch event has more than \(error.limit) bytes")
        }
        guard let line else { return nil }
        if let version = knownVersion(line) {
            return .event(.bookmark(resourceVersion: version, initialEventsEnd: false))
        }
        return try Self.decode(line)
    }

    private func knownVersion(_ line: Data) -> String? {
        guard let isKnown, let type = JSONMember.string(at: ["type"], in: line),
            type == "ADDED" || type == "MODIFIED",
            let version = JSONMember.string(at: ["object", "metadata", "resourceVersion"], in: line)
        else { return nil }
        return isKnown(version) ? version : nil
    }

    /// The last update of an ended stream; nil if it was cut off: the watch then goes on after the version
    /// before it.
    public mutating func finish() -> WatchUpdate<R>? {
        guard let rest = lines.finish() else { return nil }
        return try? Self.decode(rest)
    }

    private static func decode(_ line: Data) throws(KubernetesError) -> WatchUpdate<R> {
        do {
            return try JSONDecoder().decode(WatchUpdate<R>.self, from: line)
        } catch {
            throw .decoding("a line of a watch is no event: \(DecodingFailure.describe(error))")
        }
    }
}

extension KubernetesClient {
    /// Follows changes. Objects that do not decode are skipped, and told to `onMalformed`.
    ///
    /// - Parameter idleTimeout: nil for somewhat longer than the server's own limit, `timeoutSeconds`.
    public func watch<R: KubernetesResource>(
        _: R.Type, namespace: String? = nil, options: WatchOptions = WatchOptions(),
        idleTimeout: Duration? = nil, onMalformed: (@Sendable (MalformedObject) -> Void)? = nil
    ) async throws(KubernetesError) -> WatchStream<R> {
        let stream = try await open(R.self, namespace: namespace, options: options, idleTimeout: idleTimeout)
        return WatchStream(stream, onMalformed: onMalformed)
    }

    /// Follows changes, objects that do not decode included.
    ///
    /// - Parameter isKnown: see `WatchDecoder`.
    public func watchUpdates<R: KubernetesResource>(
        _: R.Type, namespace: String? = nil, options: WatchOptions = WatchOptions(),
        idleTimeout: Duration? = nil, isKnown: WatchDecoder<R>.IsKnown? = nil
    ) async throws(KubernetesError) -> WatchUpdates<R> {
        WatchUpdates(
            try await open(R.self, namespace: namespace, options: options, idleTimeout: idleTimeout),
            isKnown: isKnown)
    }

    private func open<R: KubernetesResource>(
        _: R.Type, namespace: String?, options: WatchOptions, idleTimeout: Duration?
    ) async throws(KubernetesError) -> HTTPStream {
        let limit = idleTimeout ?? .seconds(min(max(options.timeoutSeconds, 0), 1 << 20) + 30)
        return try await stream(
            R.resourceType.watch(namespace: namespace, options: options), idleTimeout: limit)
    }
}
