import CCurl

/// One of libcurl's easy handles: a transfer and its options.
typealias EasyHandle = UnsafeMutableRawPointer

/// Handles for transfers to come. To clear one costs less than to make another.
struct EasyHandles: ~Copyable {
    /// More than are under way at once need not be kept.
    private static let limit = 16

    private var spare: [EasyHandle] = []

    deinit {
        for easy in spare { curl_easy_cleanup(easy) }
    }

    mutating func take() throws(TransportError) -> EasyHandle {
        if let easy = spare.popLast() { return easy }
        guard let easy = curl_easy_init() else {
            throw TransportError(code: .other(-1), message: "libcurl has no memory", isRetryable: true)
        }
        return easy
    }

    /// Takes back a handle that belongs to no transfer any more.
    mutating func give(_ easy: EasyHandle) {
        guard spare.count < Self.limit else { return curl_easy_cleanup(easy) }
        curl_easy_reset(easy)
        spare.append(easy)
    }
}
