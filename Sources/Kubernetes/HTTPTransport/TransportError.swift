import CCurl

/// Cause of a missing response.
public struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        case badURL
        /// A method or header that cannot be sent as it is.
        case invalidRequest
        case cannotResolve
        case cannotConnect
        /// The handshake failed, or one side did not trust the other.
        case tls
        /// The whole transfer took longer than the request's `timeout`.
        case timedOut
        /// No byte passed for the request's `idleTimeout`.
        case idleTimeout
        case connectionLost
        /// The peer does not speak HTTP as it should.
        case protocolViolation
        case bodyTooLarge(limit: Int)
        /// The local file that is sent or written could not be read or written.
        case localFile(errno: Int32)
        case cancelled
        /// The request's `sendBefore` passed before it was sent.
        case deadlinePassed
        /// The transport was shut down.
        case shutDown
        /// Any other error of libcurl, by its code.
        case other(Int32)
    }

    public var code: Code
    public var message: String
    /// Whether the same request may succeed a little later.
    public var isRetryable: Bool
    /// Whether the server may have acted on the request.
    public var sentPossibly: Bool

    public init(code: Code, message: String, isRetryable: Bool = false, sentPossibly: Bool = false) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
        self.sentPossibly = sentPossibly
    }

    public var description: String { message }

    static let cancelled = TransportError(code: .cancelled, message: "the request was cancelled")
    public static let deadlinePassed = TransportError(
        code: .deadlinePassed, message: "the time in which the request might be sent is over",
        isRetryable: true)
    static let shutDown = TransportError(code: .shutDown, message: "the transport was shut down")
}

extension TransportError {
    /// The error for a result code of libcurl.
    init(_ result: CURLcode, detail: String, sent: Bool) {
        let code = Self.code(of: result, sent: sent)
        let text = detail.isEmpty ? String(cString: curl_easy_strerror(result)) : detail
        self.init(
            code: code, message: text, isRetryable: Self.isRetryable(code, result),
            sentPossibly: sent)
    }

    private static func code(of result: CURLcode, sent: Bool) -> Code {
        switch result {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .badURL
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .cannotResolve
        case CURLE_COULDNT_CONNECT, CURLE_PROXY: .cannotConnect
        case CURLE_OPERATION_TIMEDOUT: sent ? .timedOut : .cannotConnect
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT, CURLE_USE_SSL_FAILED:
            .tls
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE,
            CURLE_SEND_FAIL_REWIND, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_NO_CONNECTION_AVAILABLE:
            .connectionLost
        case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING: .protocolViolation
        default: .other(Int32(bitPattern: result.rawValue))
        }
    }

    private static func isRetryable(_ code: Code, _ result: CURLcode) -> Bool {
        switch code {
        case .cannotResolve, .cannotConnect, .timedOut, .idleTimeout, .connectionLost: true
        // A handshake that broke off may pass next time; distrust of a certificate stays.
        case .tls: result == CURLE_SSL_CONNECT_ERROR
        case .badURL, .invalidRequest, .protocolViolation, .bodyTooLarge, .localFile, .cancelled,
            .deadlinePassed, .shutDown, .other:
            false
        }
    }
}
