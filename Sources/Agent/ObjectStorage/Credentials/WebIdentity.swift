import Encodings
import FoundationEssentials
import HTTPTransport

/// A role that a service account's token stands for, by `AssumeRoleWithWebIdentity` of AWS's Security Token
/// Service, as IAM roles for service accounts use it.
struct WebIdentity: Sendable {
    /// File with the token, which is written anew from time to time.
    var tokenFile: String
    var roleARN: String
    var sessionName: String
    /// Address of the service, without a path.
    var endpoint: String
    var transport: HTTPTransport

    private static let what = "asking STS for the role of AWS_ROLE_ARN"

    func fetch() async throws(S3Error) -> IssuedCredentials {
        let token = try TokenFile.read(tokenFile, variable: "AWS_WEB_IDENTITY_TOKEN_FILE")
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", roleARN),
            ("RoleSessionName", sessionName), ("WebIdentityToken", token),
        ]
        let body = form.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        var request = HTTPRequest(method: "POST", url: "\(endpoint)/")
        request.headers = [
            HTTPHeader("Content-Type", "application/x-www-form-urlencoded"),
            HTTPHeader("Accept", "application/xml"),
        ]
        request.body = .data(Data(body.utf8))
        request.timeout = .seconds(30)
        let response: HTTPResponse
        do { response = try await transport.send(request, maximumBodyBytes: 1 << 18) } catch {
            throw S3Error(
                issuer: error, what: Self.what,
                remedy: "check the network, or AWS_ENDPOINT_URL_STS '\(endpoint)'")
        }
        let document = try? XMLElement(parsing: response.body)
        guard response.status == 200 else { throw refusal(response, document?.child("Error")) }
        let keys = document?.child("AssumeRoleWithWebIdentityResult")?.child("Credentials")
        guard let access = keys?.child("AccessKeyId")?.text,
            let secret = keys?.child("SecretAccessKey")?.text,
            let session = keys?.child("SessionToken")?.text, !access.isEmpty, !secret.isEmpty,
            let end = (keys?.child("Expiration")?.text).flatMap(Date.init(service:))
        else {
            throw S3Error(
                .malformedResponse,
                "\(Self.what): the answer of '\(endpoint)' has no credentials; check AWS_ENDPOINT_URL_STS and the proxies "
                    + "on the way")
        }
        return IssuedCredentials(
            keys: S3Credentials(accessKey: access, secretKey: secret, sessionToken: session), expiration: end)
    }

    private func refusal(_ response: HTTPResponse, _ error: XMLElement?) -> S3Error {
        let code = error?.child("Code")?.text ?? "HTTP \(response.status)"
        let said =
            "\(Self.what) ('\(roleARN)'): \(code): \((error?.child("Message")?.text ?? "").prefix(300))"
        switch code {
        case "IDPCommunicationError", "Throttling", "InternalFailure", "ServiceUnavailable":
            return S3Error(.unavailable, said)
        default:
            guard response.status < 500 else { return S3Error(.unavailable, said) }
            return S3Error(
                .invalidCredentials,
                "\(said); let the role's trust policy name the cluster's identity provider and the agents' service "
                    + "account, and the account's annotation eks.amazonaws.com/role-arn the role")
        }
    }
}

/// A file with a token that is read at each use.
enum TokenFile {
    /// - Parameter variable: environment variable that names the file.
    static func read(_ path: String, variable: String) throws(S3Error) -> String {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 16 else {
            throw S3Error(
                .credentialsUnavailable,
                "\(variable): '\(path)' cannot be read; check that the token's volume is mounted into the agents' pods"
            )
        }
        var text = String(decoding: data, as: UTF8.self)
        while text.last?.isWhitespace == true { text.removeLast() }
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw S3Error(
                .credentialsUnavailable, "\(variable): '\(path)' has no token in it; have it written anew")
        }
        return text
    }
}

extension S3Error {
    /// The error of a request to a service that issues credentials.
    init(issuer error: TransportError, what: String, remedy: String) {
        switch error.code {
        case .cancelled, .shutDown: self.init(.cancelled, "\(what): stopped")
        case .badURL: self.init(.invalidCredentials, "\(what): \(error.message); \(remedy)")
        default: self.init(.unavailable, "\(what): \(error.message); \(remedy)")
        }
    }
}
