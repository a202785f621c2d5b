import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A loopback HTTP/1.1 server whose answers a test writes byte by byte. Each connection has a thread.
public final class ScriptedServer: Sendable {
    public struct StartError: Error {}

    private struct State {
        var received: [ScriptedRequest] = []
        var connections = 0
        var open: [Int32] = []
        var isStopped = false
    }

    public let port: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    /// - Parameter handler: called for each request with its connection, on which it answers by `send`. After
    ///   it returns, the next request of the connection is read, unless the connection was closed.
    public init(_ handler: @escaping @Sendable (ScriptedConnection, ScriptedRequest) -> Void) throws {
        signal(SIGPIPE, SIG_IGN)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard listener >= 0, bound else { throw StartError() }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        try Self.thread { [weak self] in
            while true {
                let socket = accept(listener, nil, nil)
                guard socket >= 0, let self else { return }
                self.serve(socket, handler)
            }
        }
    }

    deinit { stop() }

    public var url: String { "http://127.0.0.1:\(port)" }
    /// The requests so far, in order of arrival.
    public var requests: [ScriptedRequest] { state.withLock { $0.received } }
    /// Number of connections accepted so far.
    public var connections: Int { state.withLock { $0.connections } }

    public func stop() {
        let open = state.withLock { state -> [Int32] in
            guard !state.isStopped else { return [] }
            state.isStopped = true
            shutdown(listener, Int32(SHUT_RDWR))
            close(listener)
            return state.open
        }
        for socket in open { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private func serve(
        _ socket: Int32, _ handler: @escaping @Sendable (ScriptedConnection, ScriptedRequest) -> Void
    ) {
        state.withLock { state in
            state.connections += 1
            state.open.append(socket)
        }
        let connection = ScriptedConnection(socket: socket)
        try? Self.thread { [weak self] in
            while let request = connection.readRequest() {
                self?.state.withLock { $0.received.append(request) }
                handler(connection, request)
            }
            self?.state.withLock { $0.open.removeAll { $0 == socket } }
            close(socket)
        }
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) throws {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let context = Unmanaged.passRetained(Box(body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, context.toOpaque())
        guard result == 0 else { throw StartError() }
        pthread_detach(thread)
    }
}

/// A request as the server read it.
public struct ScriptedRequest: Sendable {
    public var method: String
    /// Path and query.
    public var target: String
    /// Headers by lower-case name.
    public var headers: [String: String]
    public var body: [UInt8]

    public var path: String { String(target.prefix { $0 != "?" }) }
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a query item, as it was sent.
    public func query(_ name: String) -> String? {
        guard let mark = target.firstIndex(of: "?") else { return nil }
        for item in target[target.index(after: mark)...].split(separator: "&") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.first == Substring(name) { return parts.count > 1 ? String(parts[1]) : "" }
        }
        return nil
    }
}
