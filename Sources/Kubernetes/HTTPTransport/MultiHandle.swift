import CCurl

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// libcurl's multi handle: many transfers, shared connections. Only `wake` may be called from any thread.
///
/// libcurl says which sockets it waits for, and is told which of them are ready, so that it looks only at the
/// transfers of these.
final class MultiHandle: @unchecked Sendable {
    private let multi: UnsafeMutableRawPointer
    private let sockets: SocketSet
    private var ready: [(socket: Int32, events: SocketSet.Events)] = []
    /// Instant at which libcurl wants to be called even if no socket is ready.
    private var timer: ContinuousClock.Instant?

    /// Setup that happens once in a process: libcurl's tables, and ignoring SIGPIPE, which would end the
    /// process when a peer has closed.
    private static let isReady: Bool = {
        signal(SIGPIPE, SIG_IGN)
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()

    init?(maximumConnectionsPerHost: Int, idleConnections: Int) {
        guard Self.isReady, let sockets = SocketSet(), let multi = curl_multi_init() else { return nil }
        self.multi = multi
        self.sockets = sockets
        ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, max(0, maximumConnectionsPerHost))
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, max(1, idleConnections))
        ccurl_multi_set_callbacks(multi, watchSocket, armTimer, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        ccurl_multi_set_callbacks(multi, nil, nil, nil)
        curl_multi_cleanup(multi)
    }

    func add(_ easy: UnsafeMutableRawPointer) throws(TransportError) {
        let result = curl_multi_add_handle(multi, easy)
        guard result == CURLM_OK else {
            let text = String(cString: curl_multi_strerror(result))
            throw TransportError(code: .other(result.rawValue), message: text, isRetryable: true)
        }
    }

    func remove(_ easy: UnsafeMutableRawPointer) { curl_multi_remove_handle(multi, easy) }

    /// Continues the transfers whose sockets `wait` found ready, and those whose time has come.
    func perform() {
        var running: Int32 = 0
        for (socket, events) in ready {
            curl_multi_socket_action(multi, socket, events.selection, &running)
        }
        ready.removeAll(keepingCapacity: true)
        guard let due = timer, due <= .now else { return }
        timer = nil
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
    }

    func nextDone() -> (easy: UnsafeMutableRawPointer, result: CURLcode)? {
        var result = CURLE_OK
        return ccurl_next_done(multi, &result).map { ($0, result) }
    }

    /// Sleeps until a socket is ready, `wake` is called or the time is over; true if a socket is ready.
    func wait(milliseconds: Int32) -> Bool {
        var limit = milliseconds
        if let timer {
            let left = ContinuousClock.now.duration(to: timer)
            limit = left <= .zero ? 0 : min(limit, Int32(clamping: left.wholeMilliseconds))
        }
        sockets.wait(milliseconds: limit, ready: &ready)
        return !ready.isEmpty
    }

    func wake() { sockets.wake() }

    fileprivate func watch(_ socket: Int32, _ what: Int32) {
        switch what {
        case CURL_POLL_IN: sockets.watch(socket, for: .readable)
        case CURL_POLL_OUT: sockets.watch(socket, for: .writable)
        case CURL_POLL_INOUT: sockets.watch(socket, for: [.readable, .writable])
        case CURL_POLL_REMOVE: sockets.forget(socket)
        default: break
        }
    }

    fileprivate func setTimer(milliseconds: Int) {
        timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
    }
}

extension SocketSet.Events {
    /// Events in libcurl's notation. A failed socket counts as readable: libcurl finds the error when it
    /// reads.
    fileprivate var selection: Int32 {
        var bits: Int32 = 0
        if !isDisjoint(with: [.readable, .failed]) { bits |= CURL_CSELECT_IN }
        if contains(.writable) { bits |= CURL_CSELECT_OUT }
        if !isDisjoint(with: .failed) { bits |= CURL_CSELECT_ERR }
        return bits
    }
}

private func handle(_ context: UnsafeMutableRawPointer?) -> MultiHandle? {
    context.map { Unmanaged<MultiHandle>.fromOpaque($0).takeUnretainedValue() }
}

private func watchSocket(
    _ easy: UnsafeMutableRawPointer?, _ socket: curl_socket_t, _ what: Int32,
    _ context: UnsafeMutableRawPointer?, _ ofSocket: UnsafeMutableRawPointer?
) -> Int32 {
    handle(context)?.watch(socket, what)
    return 0
}

private func armTimer(
    _ multi: UnsafeMutableRawPointer?, _ milliseconds: Int, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    handle(context)?.setTimer(milliseconds: milliseconds)
    return 0
}

/// Runs `body` on a thread of its own; false if no thread can be made.
package func startThread(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    final class Box {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    let context = Unmanaged.passRetained(Box(name, body))
    var thread = pthread_t()
    let result = pthread_create(
        &thread, nil,
        { context in
            guard let context else { return nil }
            let box = Unmanaged<Box>.fromOpaque(context).takeRetainedValue()
            ccurl_name_thread(box.name)
            box.body()
            return nil
        }, context.toOpaque())
    guard result == 0 else {
        context.release()
        return false
    }
    pthread_detach(thread)
    return true
}
