import FoundationEssentials
import HTTPTransport
import KubernetesAPI

/// Failure of a request to an API server.
public enum KubernetesError: Error, Hashable, Sendable {
    /// The server answered with an error.
    case api(Status)
    /// There was no answer.
    case transport(TransportError)
    /// The answer does not decode.
    case decoding(String)
    /// The kubeconfig, the in-cluster files or the credentials cannot be used as they are.
    case configuration(String)

    public var status: Status? {
        if case .api(let status) = self { status } else { nil }
    }

    /// The HTTP status, where the server gave one.
    public var code: Int? { status?.code }

    public var isNotFound: Bool { code == 404 }
    /// Whether the object has changed meanwhile, or a precondition did not hold.
    public var isConflict: Bool { code == 409 && status?.reason != "AlreadyExists" }
    public var isAlreadyExists: Bool { code == 409 && status?.reason == "AlreadyExists" }
    /// Whether the resource version or the continue token is too old: list anew.
    public var isExpired: Bool { code == 410 || status?.reason == "Expired" || status?.reason == "Gone" }
    public var isInvalid: Bool { code == 422 }
    public var isForbidden: Bool { code == 403 }
    public var isUnauthorized: Bool { code == 401 }

    /// Whether the same request may succeed a little later, without a change by anyone.
    public var isRetryable: Bool {
        switch self {
        case .api(let status):
            switch status.code ?? 0 {
            case 408, 429: true
            case 500...599: status.code != 501 && status.code != 505
            // A server that names a time to wait expects the cause to pass, as when a quota makes room.
            default: status.details?.retryAfterSeconds != nil
            }
        case .transport(let error): error.isRetryable
        case .decoding, .configuration: false
        }
    }

    /// Whether the server may have acted on the request although it failed.
    public var mayHaveActed: Bool {
        switch self {
        case .api(let status): (500...599).contains(status.code ?? 0)
        case .transport(let error): error.sentPossibly
        case .decoding: true
        case .configuration: false
        }
    }

    /// Time that the server asks to wait.
    public var retryAfter: Duration? {
        status?.details?.retryAfterSeconds.map { .seconds(min(max($0, 0), 3600)) }
    }
}

extension KubernetesError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .api(let status): status.message ?? "the API server answered \(status.code ?? 0)"
        case .transport(let error) where error.code == .deadlinePassed: error.message
        case .transport(let error): "the API server cannot be reached: \(error.message)"
        case .decoding(let message): "the API server's answer is not understood: \(message)"
        case .configuration(let message): message
        }
    }
}

extension Status {
    /// The error that a response tells, even if its body is no `Status`.
    init(_ response: HTTPResponse) {
        let decoded = try? JSONDecoder().decode(Status.self, from: response.body)
        if let decoded, decoded.kind == "Status" {
            self = decoded
        } else {
            let text = String(decoding: response.body.prefix(512), as: UTF8.self)
            self.init(
                message: text.isEmpty ? "the server answered \(response.status) without a message" : text,
                reason: Self.reason(of: response.status))
        }
        // The code is that of the status line, which proxies and clients go by.
        code = response.status
        if details?.retryAfterSeconds == nil,
            let seconds = response[header: "Retry-After"].flatMap({ Int($0) })
        {
            if details == nil { details = StatusDetails() }
            details?.retryAfterSeconds = seconds
        }
    }

    private static func reason(of code: Int) -> String? {
        switch code {
        case 400: "BadRequest"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "NotFound"
        case 405: "MethodNotAllowed"
        case 409: "Conflict"
        case 410: "Gone"
        case 413: "RequestEntityTooLarge"
        case 422: "Invalid"
        case 429: "TooManyRequests"
        case 500: "InternalError"
        case 503: "ServiceUnavailable"
        case 504: "Timeout"
        default: nil
        }
    }
}
