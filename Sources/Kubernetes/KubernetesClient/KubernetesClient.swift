import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Logging
import Synchronization

/// Outcome of one request, for metrics.
public struct RequestObservation: Sendable {
    public var request: APIRequest
    /// The HTTP status; nil where there was no answer.
    public var status: Int?
    public var error: TransportError?
    /// Time until the whole response had come, or the head of a stream.
    public var duration: Duration

    public init(request: APIRequest, status: Int?, error: TransportError?, duration: Duration) {
        self.request = request
        self.status = status
        self.error = error
        self.duration = duration
    }
}

/// Speaks to one API server.
public final class KubernetesClient: Sendable {
    public let configuration: ClusterConfiguration
    private let transport: HTTPTransport
    private let userAgent: String
    private let requestTimeout: Duration
    private let observer: (@Sendable (RequestObservation) -> Void)?
    private let credentials: CredentialSource
    private let logger: Logger
    private let warnings: Warnings
    private let fence: WriteFence?

    /// - Parameters:
    ///   - requestTimeout: for all but watches and streams.
    ///   - observer: called after each request; it must be quick.
    ///   - clock: the time of day, for the expiry of credentials.
    public init(
        configuration: ClusterConfiguration, transport: HTTPTransport, userAgent: String = "anneal",
        requestTimeout: Duration = .seconds(30), observer: (@Sendable (RequestObservation) -> Void)? = nil,
        logger: Logger = Logger(label: "anneal.kubernetes"),
        clock: @escaping @Sendable () -> Timestamp = {
            Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        }
    ) {
        self.configuration = configuration
        self.transport = transport
        self.userAgent = userAgent
        self.requestTimeout = requestTimeout
        self.observer = observer
        self.logger = logger
        credentials = CredentialSource(configuration, clock: clock)
        warnings = Warnings()
        fence = nil
    }

    private init(_ other: KubernetesClient, requestTimeout: Duration, fence: WriteFence?) {
        configuration = other.configuration
        transport = other.transport
        userAgent = other.userAgent
        self.requestTimeout = requestTimeout
        observer = other.observer
        logger = other.logger
        credentials = other.credentials
        warnings = other.warnings
        self.fence = fence
    }

    /// The same client, with shared connections and credentials, that writes only while the fence is open.
    /// Other writes fail with the transport's code `.deadlinePassed`.
    public func fenced(by fence: WriteFence) -> KubernetesClient {
        KubernetesClient(self, requestTimeout: requestTimeout, fence: fence)
    }

    /// The same client, with shared connections and credentials, and another limit for each request.
    public func timed(_ timeout: Duration) -> KubernetesClient {
        KubernetesClient(self, requestTimeout: timeout, fence: fence)
    }

    /// Sends a request and returns its response.
    ///
    /// - Throws: `.api` for any status but a success.
    public func send(
        _ request: APIRequest, maximumBodyBytes: Int = 64 << 20
    ) async throws(KubernetesError) -> HTTPResponse {
        try await withFreshCredentials { () throws(KubernetesError) in
            var http = try await self.prepare(request)
            http.timeout = self.requestTimeout
            let start = ContinuousClock.now
            do throws(TransportError) {
                if request.method != .get { try self.fence?.limit(&http) }
                let response = try await self.transport.send(http, maximumBodyBytes: maximumBodyBytes)
                self.observe(request, status: response.status, since: start)
                self.report(warningsOf: response.headers)
                guard (200..<300).contains(response.status) else { return .failure(Status(response)) }
                return .success(response)
            } catch {
                throw await self.failed(request, error, since: start)
            }
        }
    }

    /// Sends a request whose response is read as it comes; any status but a success is thrown.
    ///
    /// - Parameter idleTimeout: nil if nothing may come for any time, as from `logs -f`.
    public func stream(
        _ request: APIRequest, idleTimeout: Duration? = nil
    ) async throws(KubernetesError) -> HTTPStream {
        try await withFreshCredentials { () throws(KubernetesError) in
            var http = try await self.prepare(request)
            http.idleTimeout = idleTimeout
            let start = ContinuousClock.now
            do throws(TransportError) {
                let stream = try await self.transport.stream(http)
                self.observe(request, status: stream.head.status, since: start)
                self.report(warningsOf: stream.head.headers)
                guard !(200..<300).contains(stream.head.status) else { return .success(stream) }
                let body = try await stream.remainder(limit: 1 << 16)
                return .failure(
                    Status(HTTPResponse(status: stream.head.status, headers: stream.head.headers, body: body))
                )
            } catch {
                throw await self.failed(request, error, since: start)
            }
        }
    }

    private enum Answer<Value: Sendable>: Sendable {
        case success(Value)
        case failure(Status)
    }

    /// Tries once more with new credentials if the server refuses those at hand.
    private func withFreshCredentials<Value: Sendable>(
        _ attempt: () async throws(KubernetesError) -> Answer<Value>
    ) async throws(KubernetesError) -> Value {
        switch try await attempt() {
        case .success(let value): return value
        case .failure(let status):
            guard status.code == 401, credentials.canRefresh else { throw .api(status) }
        }
        await credentials.invalidate()
        switch try await attempt() {
        case .success(let value): return value
        case .failure(let status): throw .api(status)
        }
    }

    private func prepare(_ request: APIRequest) async throws(KubernetesError) -> HTTPRequest {
        let authorization = try await credentials.current()
        var http = HTTPRequest(method: request.method.rawValue, url: configuration.server + request.target)
        http.tls = authorization.tls
        http.headers = [HTTPHeader("Accept", request.accept), HTTPHeader("User-Agent", userAgent)]
        if let header = authorization.header { http.headers.append(header) }
        if let type = request.contentType { http.headers.append(HTTPHeader("Content-Type", type)) }
        if let body = request.body { http.body = .data(body) }
        return http
    }

    private func failed(
        _ request: APIRequest, _ error: TransportError, since start: ContinuousClock.Instant
    ) async -> KubernetesError {
        observer?(
            RequestObservation(
                request: request, status: nil, error: error, duration: start.duration(to: .now)))
        // A failed handshake may mean that the authorities or the client's certificate were replaced.
        if error.code == .tls { await credentials.invalidate() }
        return .transport(error)
    }

    private func observe(_ request: APIRequest, status: Int, since start: ContinuousClock.Instant) {
        observer?(
            RequestObservation(
                request: request, status: status, error: nil, duration: start.duration(to: .now)))
    }

    /// Logs each warning of the server's (RFC 7234, `299`) once, up to a bound.
    private func report(warningsOf headers: [HTTPHeader]) {
        for header in headers where header.name.lowercased() == "warning" {
            if warnings.isNew(header.value) { logger.warning("the API server warns: \(header.value)") }
        }
    }
}

/// Warnings of the API server so far, up to a bound.
private final class Warnings: Sendable {
    private let known = Mutex<Set<String>>([])

    func isNew(_ text: String) -> Bool {
        known.withLock { $0.count < 64 && $0.insert(text).inserted }
    }
}
