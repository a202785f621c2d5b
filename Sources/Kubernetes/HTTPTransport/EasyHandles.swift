import CCurl

/// One of libcurl's easy handles: a transfer and its options.
typealias EasyHandle = UnsafeMutableRawPointer

/// Cleared handles for later transfers. Clearing one costs less than making another.
struct EasyHandles: ~Copyable {
    /// Number of cleared handles that are kept, at most.
    private static let limit = 64

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

    /// Takes back a handle that no transfer uses any more.
    mutating func give(_ easy: EasyHandle) {
        guard spare.count < Self.limit else { return curl_easy_cleanup(easy) }
        curl_easy_reset(easy)
        spare.append(easy)
    }
}
