import FoundationEssentials

/// One field of an HTTP message.
public struct HTTPHeader: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension [HTTPHeader] {
    /// The value of the first header of that name, whatever its case.
    public subscript(header name: String) -> String? {
        first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Body of a request.
public enum HTTPBody: Hashable, Sendable {
    case none
    case data(Data)
    /// `length` bytes of an open file from `offset` on, read as they are sent. The file stays open until the
    /// answer has come.
    case file(descriptor: Int32, offset: Int64, length: Int64)

    /// Length in bytes; nil if there is no body.
    public var length: Int64? {
        switch self {
        case .none: nil
        case .data(let data): Int64(data.count)
        case .file(_, _, let length): length
        }
    }
}

/// Authorities and identity of a TLS connection. Certificates and keys are PEM.
public struct TLSOptions: Hashable, Sendable {
    /// Certificate authorities; nil for the system's.
    public var certificateAuthority: Data?
    public var clientCertificate: Data?
    public var clientKey: Data?
    /// Name that the server's certificate must bear; nil for the URL's host.
    public var serverName: String?
    public var insecureSkipVerify: Bool

    public init(
        certificateAuthority: Data? = nil, clientCertificate: Data? = nil, clientKey: Data? = nil,
        serverName: String? = nil, insecureSkipVerify: Bool = false
    ) {
        self.certificateAuthority = certificateAuthority
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
        self.serverName = serverName
        self.insecureSkipVerify = insecureSkipVerify
    }
}

/// Credentials for AWS Signature Version 4. The transport sorts the URL's query and, unless the request
/// has an `x-amz-content-sha256` header, sends `UNSIGNED-PAYLOAD`.
public struct AWSSignature: Hashable, Sendable {
    public var accessKey: String
    public var secretKey: String
    public var sessionToken: String?
    public var region: String
    public var service: String

    public init(
        accessKey: String, secretKey: String, sessionToken: String? = nil, region: String,
        service: String = "s3"
    ) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.region = region
        self.service = service
    }
}

/// An HTTP request as a value. Redirects are not followed. Proxies are those of the environment
/// (`https_proxy`, `no_proxy`, …).
public struct HTTPRequest: Hashable, Sendable {
    /// `GET`, `PUT`, …
    public var method: String
    /// Absolute, `http` or `https`, percent-encoded.
    public var url: String
    public var headers: [HTTPHeader]
    public var body: HTTPBody
    public var tls: TLSOptions
    public var connectTimeout: Duration
    /// Limit of the whole transfer; nil for none.
    public var timeout: Duration?
    /// Time without a byte in either direction after which the transfer ends with `.idleTimeout`; nil for
    /// never. Time during which the reader of a stream holds the transfer back does not count.
    public var idleTimeout: Duration?
    /// Instant from which on the request is not begun, however long it waited for a connection, but ends with
    /// `.deadlinePassed`; nil for no such limit. Time during which the machine sleeps counts.
    public var sendBefore: ContinuousClock.Instant?
    public var awsSignature: AWSSignature?
    /// Bytes of a body, of the request or of the answer, that are moved at once: many for large bodies, which
    /// then cost less. Nil for libcurl's own number.
    public var bufferBytes: Int?

    public init(
        method: String = "GET", url: String, headers: [HTTPHeader] = [], body: HTTPBody = .none,
        tls: TLSOptions = TLSOptions(), connectTimeout: Duration = .seconds(10), timeout: Duration? = nil,
        idleTimeout: Duration? = nil, sendBefore: ContinuousClock.Instant? = nil,
        awsSignature: AWSSignature? = nil, bufferBytes: Int? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.timeout = timeout
        self.idleTimeout = idleTimeout
        self.sendBefore = sendBefore
        self.awsSignature = awsSignature
        self.bufferBytes = bufferBytes
    }
}
