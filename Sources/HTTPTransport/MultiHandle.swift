import CCurl

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// libcurl's multi handle: many transfers, shared connections. Only `wake` may be called from any thread.
final class MultiHandle: @unchecked Sendable {
    private let multi: UnsafeMutableRawPointer

    /// Once a process: libcurl's tables, and no death by a peer that closed (SIGPIPE).
    private static let isReady: Bool = {
        signal(SIGPIPE, SIG_IGN)
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()

    init?(maximumConnectionsPerHost: Int, idleConnections: Int) {
        guard Self.isReady, let multi = curl_multi_init() else { return nil }
        self.multi = multi
        ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, max(0, maximumConnectionsPerHost))
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, max(1, idleConnections))
    }

    deinit { curl_multi_cleanup(multi) }

    func add(_ easy: UnsafeMutableRawPointer) throws(TransportError) {
        let result = curl_multi_add_handle(multi, easy)
        guard result == CURLM_OK else {
            let text = String(cString: curl_multi_strerror(result))
            throw TransportError(code: .other(result.rawValue), message: text, isRetryable: true)
        }
    }

    func remove(_ easy: UnsafeMutableRawPointer) { curl_multi_remove_handle(multi, easy) }

    func perform() {
        var running: Int32 = 0
        curl_multi_perform(multi, &running)
    }

    func nextDone() -> (easy: UnsafeMutableRawPointer, result: CURLcode)? {
        var result = CURLE_OK
        return ccurl_next_done(multi, &result).map { ($0, result) }
    }

    /// Sleeps until there is something to do, `wake` is called or the time is over. Answers whether a
    /// connection has something.
    func poll(milliseconds: Int32) -> Bool {
        var ready: Int32 = 0
        curl_multi_poll(multi, nil, 0, milliseconds, &ready)
        return ready > 0
    }

    func wake() { curl_multi_wakeup(multi) }
}

/// Runs `body` on a thread of its own; false if there can be no more threads.
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
