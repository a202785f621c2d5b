import CCurl
import FoundationEssentials
import Synchronization

/// One exchange. Its owner may only cancel it; all else happens on the loop's thread.
final class Transfer: @unchecked Sendable {
    let request: HTTPRequest
    let sink: any ResponseSink
    private let cancellation = Atomic<Bool>(false)

    // The following properties belong to the loop's thread.
    private(set) var easy: EasyHandle?
    private(set) var lastActivity = ContinuousClock.now
    private(set) var isHeldBack = false
    /// An error found in a callback, which says more than libcurl's code.
    private var failure: TransportError?
    private var head = HeadParser()
    private var traffic: Traffic?
    private var body: BodySource
    private var lists: StringLists?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init(_ request: HTTPRequest, sink: any ResponseSink) {
        self.request = request
        self.sink = sink
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        do throws(TransportError) {
            body = try BodySource(request.body)
        } catch {
            failure = error
            body = BodySource()
        }
    }

    deinit { errorText.deallocate() }

    var isCancelled: Bool { cancellation.load(ordering: .acquiring) }
    func markCancelled() { cancellation.store(true, ordering: .releasing) }

    /// Instant at which the transfer will have been idle for too long; nil if it may be idle.
    var idleDeadline: ContinuousClock.Instant? {
        guard let limit = request.idleTimeout, !isHeldBack else { return nil }
        return lastActivity + limit
    }

    private var isTooLate: Bool {
        guard let limit = request.sendBefore else { return false }
        return limit <= .now
    }

    /// Sets `easy` up for the request. It belongs to the transfer until `release`.
    func prepare(
        _ easy: EasyHandle, sharingConnection: Bool, counting traffic: Traffic
    ) throws(TransportError) {
        self.easy = easy
        self.traffic = traffic
        if let failure { throw failure }
        guard !isTooLate else { throw .deadlinePassed }
        var options = EasyOptions(easy: easy)
        lists = try options.configure(for: request, sharingConnection: sharingConnection)
        let context = Unmanaged.passUnretained(self).toOpaque()
        options.set(CURLOPT_PRIVATE, context)
        options.set(CURLOPT_ERRORBUFFER, errorText)
        options.set(CURLOPT_HEADERDATA, context)
        options.set(CURLOPT_WRITEDATA, context)
        options.set(CURLOPT_READDATA, context)
        options.set(CURLOPT_SEEKDATA, context)
        options.note(ccurl_set_write_function(easy, CURLOPT_HEADERFUNCTION, receiveHeader))
        options.note(ccurl_set_write_function(easy, CURLOPT_WRITEFUNCTION, receiveBody))
        options.note(ccurl_set_read_function(easy, sendBody))
        options.note(ccurl_set_seek_function(easy, rewindBody))
        // libcurl calls this function once it has a connection, right before it sends the request.
        options.note(ccurl_set_prerequest_function(easy, checkTime, context))
        try options.check()
        lastActivity = .now
    }

    /// Gives the handle up, after it has left the multi handle.
    func release() { easy = nil }

    func resume() {
        guard isHeldBack, let easy else { return }
        isHeldBack = false
        lastActivity = .now
        ccurl_unpause(easy)
    }

    /// Ends the transfer with libcurl's result.
    func finish(_ result: CURLcode) {
        if let failure {
            finish(failure)
        } else if result == CURLE_OK {
            sink.finish(nil)
        } else {
            finish(TransportError(result, detail: String(cString: errorText), sent: isSent))
        }
    }

    func finish(_ error: TransportError) {
        var error = error
        error.sentPossibly = isSent
        sink.finish(error)
    }

    private var isSent: Bool {
        var bytes: Int = 0
        guard let easy, ccurl_get_long(easy, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK else { return false }
        return bytes > 0
    }
}

// Bodies of the callbacks.
extension Transfer {
    fileprivate func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastActivity = .now
        if head.take(bytes), let head = head.head { sink.receive(head) }
        return bytes.count
    }

    fileprivate func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastActivity = .now
        traffic?.add(bytes.count)
        switch sink.receive(bytes) {
        case .taken: return bytes.count
        case .full:
            isHeldBack = true
            return ccurl_write_pause
        case .failed(let error):
            failure = error
            return 0
        }
    }

    fileprivate func mayBeSent() -> Bool {
        guard isTooLate else { return true }
        failure = .deadlinePassed
        return false
    }

    fileprivate func giveBody(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        lastActivity = .now
        do throws(TransportError) {
            // The process may have been stopped after the head was sent.
            guard !isTooLate else { throw .deadlinePassed }
            return try body.read(into: buffer)
        } catch {
            failure = error
            return ccurl_read_abort
        }
    }

    fileprivate func rewind(to offset: Int64) -> Bool { body.seek(to: offset) }
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
}

private func checkTime(
    _ context: UnsafeMutableRawPointer?, _ peer: UnsafeMutablePointer<CChar>?,
    _ local: UnsafeMutablePointer<CChar>?, _ peerPort: Int32, _ localPort: Int32
) -> Int32 {
    transfer(context)?.mayBeSent() == true ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

private func receiveHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    transfer(context)?.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size &* count)) ?? 0
}

private func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    transfer(context)?.takeBody(UnsafeRawBufferPointer(start: bytes, count: size &* count)) ?? 0
}

private func sendBody(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    let buffer = UnsafeMutableRawBufferPointer(start: buffer, count: size &* count)
    return transfer(context)?.giveBody(buffer) ?? ccurl_read_abort
}

private func rewindBody(_ context: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: Int32) -> Int32 {
    guard origin == 0, transfer(context)?.rewind(to: Int64(offset)) == true else {
        return CURL_SEEKFUNC_CANTSEEK
    }
    return CURL_SEEKFUNC_OK
}
