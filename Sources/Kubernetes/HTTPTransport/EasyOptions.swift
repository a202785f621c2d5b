import CCurl
import FoundationEssentials

/// The lists that libcurl reads during a transfer without copying them.
final class StringLists {
    fileprivate var headers: UnsafeMutablePointer<curl_slist>?
    fileprivate var connectTo: UnsafeMutablePointer<curl_slist>?

    deinit {
        curl_slist_free_all(headers)
        curl_slist_free_all(connectTo)
    }
}

/// Sets a libcurl easy handle up for a request.
struct EasyOptions: ~Copyable {
    /// Seconds without an acknowledgement after which a peer counts as dead.
    private static let deadPeerSeconds = 30
    /// Bytes up to which a body is copied; a longer one is read while it is sent.
    private static let shortBody = 32 << 10

    private let easy: UnsafeMutableRawPointer
    /// The first error that libcurl answered an option with.
    private var refusal: CURLcode?

    init(easy: UnsafeMutableRawPointer) { self.easy = easy }

    mutating func note(_ code: CURLcode) {
        if code != CURLE_OK, refusal == nil { refusal = code }
    }

    mutating func set(_ option: CURLoption, _ value: Int) { note(ccurl_set_long(easy, option, value)) }
    mutating func set(_ option: CURLoption, _ value: String) { note(ccurl_set_string(easy, option, value)) }
    mutating func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer) {
        note(ccurl_set_pointer(easy, option, value))
    }
    mutating func set(_ option: CURLoption, blob: Data) {
        let bytes = Array(blob)
        note(ccurl_set_blob(easy, option, bytes, bytes.count))
    }

    consuming func check() throws(TransportError) {
        guard let refusal else { return }
        throw TransportError(refusal, detail: "", sent: false)
    }

    /// Sets all options for the request, and returns the lists that must outlive the transfer.
    mutating func configure(
        for request: HTTPRequest, sharingConnection: Bool
    ) throws(TransportError) -> StringLists {
        let lists = StringLists()
        var target = try RequestURL(request.url)
        try Self.checkTokens(request)
        var headers = request.headers
        if let signature = request.awsSignature {
            target.sortQuery()
            headers += configureSignature(signature, headers)
        }
        if let serverName = request.tls.serverName, target.isSecure, serverName != target.host {
            headers.append(HTTPHeader("Host", target.authority))
            lists.connectTo = curl_slist_append(
                nil, "\(serverName):\(target.port):\(target.host):\(target.port)")
            note(ccurl_set_list(easy, CURLOPT_CONNECT_TO, lists.connectTo))
            target.host = serverName
        }
        set(CURLOPT_URL, target.url)
        let version = sharingConnection ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1
        set(CURLOPT_HTTP_VERSION, Int(version))
        configureConnection(request)
        configureMethod(request)
        configureTLS(request.tls)
        for line in Self.lines(headers, of: request) {
            lists.headers = curl_slist_append(lists.headers, line) ?? lists.headers
        }
        note(ccurl_set_list(easy, CURLOPT_HTTPHEADER, lists.headers))
        return lists
    }

    /// Headers in libcurl's notation: `Name;` for one without a value, `Name:` for one of libcurl's own that
    /// it shall leave out. libcurl would sign both, so a signed request has neither.
    private static func lines(_ headers: [HTTPHeader], of request: HTTPRequest) -> [String] {
        var lines = headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        guard hasBody(request) else { return lines }
        let isSigned = request.awsSignature != nil
        if headers[header: "Content-Type"] == nil {
            lines.append(isSigned ? "Content-Type: application/octet-stream" : "Content-Type:")
        }
        if !isSigned, headers[header: "Expect"] == nil { lines.append("Expect:") }
        return lines
    }

    private mutating func configureConnection(_ request: HTTPRequest) {
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_NOPROGRESS, 1)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        // Each connection checks its peer anew.
        set(CURLOPT_SSL_SESSIONID_CACHE, 0)
        // CURLOPT_PIPEWAIT stays off: with it, libcurl 7.88 may let a request wait for ever for a connection
        // that turns out to be HTTP/1.1 and to carry a watch.
        set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.wholeMilliseconds)
        if let bytes = request.bufferBytes {
            // libcurl takes sizes between these.
            set(CURLOPT_BUFFERSIZE, min(max(bytes, 16 << 10), 512 << 10))
            set(CURLOPT_UPLOAD_BUFFERSIZE, min(max(bytes, 16 << 10), 2 << 20))
        }
        if let timeout = request.timeout { set(CURLOPT_TIMEOUT_MS, timeout.wholeMilliseconds) }
        note(ccurl_set_dead_peer_detection(easy, Self.deadPeerSeconds))
    }

    private mutating func configureMethod(_ request: HTTPRequest) {
        if Self.hasBody(request) {
            // libcurl calls a request whose body comes from the read function a post, whatever the method. An
            // upload would wait for "100 Continue" however short the body is.
            set(CURLOPT_POST, 1)
            note(ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.length ?? 0)))
            set(CURLOPT_EXPECT_100_TIMEOUT_MS, 200)
            configureShortBody(request)
        } else if request.method == "HEAD" {
            set(CURLOPT_NOBODY, 1)
            return
        }
        set(CURLOPT_CUSTOMREQUEST, request.method)
    }

    /// Hands a short body over to libcurl, which then sends it in one piece with the head and needs no buffer
    /// for it.
    private mutating func configureShortBody(_ request: HTTPRequest) {
        guard case .data(let data) = request.body, data.count <= Self.shortBody, request.awsSignature == nil
        else { return }
        data.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            note(ccurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: start)))
        }
    }

    private static func hasBody(_ request: HTTPRequest) -> Bool {
        request.body != .none || ["POST", "PUT", "PATCH"].contains(request.method)
    }

    private mutating func configureTLS(_ tls: TLSOptions) {
        if let authority = tls.certificateAuthority { set(CURLOPT_CAINFO_BLOB, blob: authority) }
        if let certificate = tls.clientCertificate {
            set(CURLOPT_SSLCERTTYPE, "PEM")
            set(CURLOPT_SSLCERT_BLOB, blob: certificate)
        }
        if let key = tls.clientKey {
            set(CURLOPT_SSLKEYTYPE, "PEM")
            set(CURLOPT_SSLKEY_BLOB, blob: key)
        }
        if tls.insecureSkipVerify {
            set(CURLOPT_SSL_VERIFYPEER, 0)
            set(CURLOPT_SSL_VERIFYHOST, 0)
        }
    }

    /// Sets the signature up, and returns the headers that it needs beyond those of the request.
    private mutating func configureSignature(_ signature: AWSSignature, _ headers: [HTTPHeader])
        -> [HTTPHeader]
    {
        set(CURLOPT_AWS_SIGV4, "aws:amz:\(signature.region):\(signature.service)")
        set(CURLOPT_USERNAME, signature.accessKey)
        set(CURLOPT_PASSWORD, signature.secretKey)
        var added: [HTTPHeader] = []
        if headers[header: "x-amz-content-sha256"] == nil {
            added.append(HTTPHeader("x-amz-content-sha256", "UNSIGNED-PAYLOAD"))
        }
        if let token = signature.sessionToken { added.append(HTTPHeader("x-amz-security-token", token)) }
        return added
    }

    /// Refuses a method or header that would break the request's lines apart.
    private static func checkTokens(_ request: HTTPRequest) throws(TransportError) {
        guard !request.method.isEmpty, request.method.utf8.allSatisfy(isTokenByte) else {
            throw TransportError(code: .invalidRequest, message: "'\(request.method)' is no HTTP method")
        }
        for header in request.headers {
            guard request.awsSignature == nil || !header.value.isEmpty else {
                throw TransportError(
                    code: .invalidRequest,
                    message: "the header '\(header.name)' of a signed request needs a value: leave it out")
            }
            guard !header.name.isEmpty, header.name.utf8.allSatisfy(isTokenByte),
                !header.value.utf8.contains(where: { $0 == 0 || $0 == 10 || $0 == 13 })
            else {
                throw TransportError(
                    code: .invalidRequest,
                    message: "the header '\(header.name)' has a name or a value that HTTP does not allow")
            }
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension Duration {
    /// Milliseconds, rounded up, at least 1: libcurl takes 0 for "no limit".
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow, product < Int64(Int32.max) else { return Int(Int32.max) }
        return max(1, Int(product) + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}
