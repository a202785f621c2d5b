import Encodings
import FoundationEssentials
import HTTPTransport

extension S3Error {
    /// Code, of our own, for an object that has more bytes than its reader takes.
    static let tooLarge = "TooLarge"

    /// The error for an answer with a status of 300 or more.
    ///
    /// - Parameter what: the request, for people: `reading s3://bucket/key`.
    init(answer head: HTTPResponseHead, body: Data, what: String, location: S3Location, region: String) {
        let document = try? XMLElement(parsing: body)
        if document?.child("Code") == nil, case .html = ContentKind(of: body) {
            self.init(pageWithStatus: head.status, body: body, what: what)
            return
        }
        let storeCode = document?.child("Code")?.text ?? Self.impliedCode(head.status)
        let detail = document?.child("Message")?.text ?? ""
        let code = Self.code(status: head.status, storeCode: storeCode)
        let remedy = Self.remedy(
            code, location: location, region: region, actualRegion: head[header: "x-amz-bucket-region"])
        var said = detail.isEmpty ? storeCode : "\(storeCode): \(detail)"
        if document?.child("Code") == nil, !body.isEmpty {
            said += "; the answer is no error of S3 but \(ContentKind(of: body).description)"
        }
        self.init(code, "\(what): \(remedy) (HTTP \(head.status), \(said.prefix(300)))")
    }

    /// The error for a page for browsers in place of the store's answer. It says nothing of the object: a page
    /// of status 404 is none that is missing.
    private init(pageWithStatus status: Int, body: Data, what: String) {
        let kind = ContentKind(of: body).description
        let code: Code =
            switch Self.code(status: status, storeCode: "") {
            case .unavailable: .unavailable
            case .accessDenied: .accessDenied
            default: .refused(status: status, code: "NoS3Answer")
            }
        self.init(
            code,
            "\(what): the answer is \(kind) instead of S3's, of a proxy, a login service or another server; check "
                + "storage.endpoint and the proxies on the way (HTTP \(status))")
    }

    /// The error for an answer of success that is not what was asked for.
    ///
    /// - Parameter expected: what was asked for, as a noun.
    static func unexpected(_ body: Data, expected: String, what: String) -> S3Error {
        S3Error(
            .malformedResponse,
            "\(what): the answer is \(ContentKind(of: body).description) instead of \(expected); check that an S3 "
                + "store is at storage.endpoint, and no proxy or other server")
    }

    /// The error of a transfer for a failure of the transport.
    init(transport error: TransportError, what: String, endpoint: String) {
        switch error.code {
        case .cancelled, .shutDown:
            self.init(.cancelled, "\(what): stopped")
        case .localFile(let number):
            self.init(localFile: number, "\(what): \(error.message)")
        case .badURL:
            self.init(
                .invalidEndpoint,
                "\(what): '\(endpoint)' cannot be used as an address: \(error.message); "
                    + "set storage.endpoint to https://host[:port]")
        case .tls where !error.isRetryable:
            self.init(
                .invalidEndpoint,
                "\(what): the TLS connection to \(endpoint) failed: \(error.message); "
                    + "check storage.endpoint and the certificate authorities (AWS_CA_BUNDLE)")
        default:
            self.init(
                .unavailable,
                "\(what): \(endpoint) cannot be reached: \(error.message); check storage.endpoint and the network"
            )
        }
    }

    /// The error for an `errno` of a local file operation.
    init(localFile number: Int32, _ message: String) {
        if number == diskFullErrno || number == quotaErrno {
            self.init(
                .diskFull,
                "\(message): no space is left on the volume; enlarge workspace.size or keep fewer checkpoints"
            )
        } else {
            self.init(.localFile(errno: number), message)
        }
    }

    private static func impliedCode(_ status: Int) -> String {
        switch status {
        case 403: "AccessDenied"
        case 404: "NoSuchKey"
        case 412: "PreconditionFailed"
        default: "no code"
        }
    }

    private static func code(status: Int, storeCode: String) -> Code {
        switch storeCode {
        case "NoSuchBucket": .noSuchBucket
        case "NoSuchKey", "NoSuchVersion": .noSuchKey
        case "NoSuchUpload": .noSuchUpload
        case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
            "TokenRefreshRequired",
            "InvalidClientTokenId", "AuthFailure", "ExpiredTokenException", "UnrecognizedClientException",
            "InvalidSecurity":
            .invalidCredentials
        case "RequestTimeTooSkewed": .clockSkew
        case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException":
            .wrongRegion
        case "PreconditionFailed": .objectChanged
        case "BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest": .checksumMismatch
        case "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling",
            "ThrottlingException", "TooManyRequests", "RequestThrottled", "OperationAborted":
            .unavailable
        default: code(status: status, unknown: storeCode)
        }
    }

    private static func code(status: Int, unknown storeCode: String) -> Code {
        switch status {
        case 401, 403: .accessDenied
        case 404: .noSuchKey
        case 301, 307, 308: .wrongRegion
        case 408, 425, 429, 500...599: .unavailable
        case 412: .objectChanged
        default: .refused(status: status, code: storeCode)
        }
    }

    private static func remedy(
        _ code: Code, location: S3Location, region: String, actualRegion: String?
    ) -> String {
        switch code {
        case .accessDenied:
            "access to bucket '\(location.bucket)', key '\(location.key)' is denied; grant the credentials "
                + "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there, or set "
                + "storage.credentialsSecretName"
        case .invalidCredentials:
            "the store does not accept the credentials; correct accessKeyId, secretAccessKey and sessionToken in "
                + "the Secret that storage.credentialsSecretName names or, without one, the role of the agents' "
                + "service account"
        case .noSuchBucket:
            "there is no bucket '\(location.bucket)'; create it or correct the address"
        case .noSuchKey:
            "there is no object '\(location.key)' in bucket '\(location.bucket)'; upload it or correct the address"
        case .wrongRegion:
            "bucket '\(location.bucket)' is not in region '\(region)'; set storage.region"
                + (actualRegion.map { " to '\($0)'" } ?? "")
        case .clockSkew:
            "the clock of this machine is wrong; set it by NTP"
        case .objectChanged:
            "the object was changed during the transfer; leave it alone while a run reads it, then try again"
        case .checksumMismatch:
            "what arrived at the store is not what was sent; try again"
        case .unavailable:
            "the store is overloaded or down; check it, and try again once it answers"
        default:
            "the store refused the request"
        }
    }
}
