import Encodings
import FoundationEssentials
import HTTPTransport
import MountedSecrets

/// Credentials of an agent on the node, as EKS pod identity and ECS tasks have them.
struct ContainerCredentials: Sendable {
    /// Proof of who asks.
    enum Authorization: Hashable, Sendable {
        case none
        case token(String)
        /// Path of a file that is read at each use.
        case file(String)
    }

    /// Addresses that may be asked without TLS: they lead to the node itself.
    private static let nodeHosts: Set<String> = [
        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "[::1]",
    ]

    var url: String
    /// Variable that the address is from, for messages.
    var variable: String
    var authorization: Authorization
    var transport: HTTPTransport

    /// Whether credentials may be asked for, and the token be sent, at an address.
    static func mayAsk(_ url: String) -> Bool {
        guard let address = NetworkAddress(url) else { return false }
        return address.scheme == "https" || nodeHosts.contains(address.host) || isLoopback(address.host)
    }

    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    func fetch() async throws(S3Error) -> IssuedCredentials {
        guard Self.mayAsk(url) else {
            throw S3Error(
                .invalidCredentials,
                "\(variable): '\(shown)' is no address that credentials are taken from; use https, or an address "
                    + "of the node: 127.0.0.1, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]")
        }
        let what = "asking for credentials at \(variable) '\(shown)'"
        var request = HTTPRequest(method: "GET", url: url)
        request.headers = [HTTPHeader("Accept", "application/json")]
        if let token = try token() { request.headers.append(HTTPHeader("Authorization", token)) }
        request.timeout = .seconds(10)
        let response: HTTPResponse
        do { response = try await transport.send(request, maximumBodyBytes: 1 << 18) } catch {
            throw S3Error(
                issuer: error, what: what, remedy: "check that the pod identity agent runs on the node")
        }
        return try read(response, what)
    }

    /// The address for people, without a password.
    private var shown: String { String(AddressCredentials.hidden(in: url).prefix(200)) }

    private func token() throws(S3Error) -> String? {
        switch authorization {
        case .none: nil
        case .file(let path): try TokenFile.read(path, variable: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        case .token(let text):
            if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
                text
            } else {
                throw S3Error(
                    .invalidCredentials,
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN: it has characters that no token has; set it anew")
            }
        }
    }

    /// Body of an answer.
    private struct Answer: Decodable {
        var AccessKeyId: String?
        var SecretAccessKey: String?
        var Token: String?
        var Expiration: String?
        var code: String?
        var message: String?
    }

    private func read(_ response: HTTPResponse, _ what: String) throws(S3Error) -> IssuedCredentials {
        let answer = try? JSONDecoder().decode(Answer.self, from: response.body)
        guard response.status == 200 else {
            let said =
                "\(what): HTTP \(response.status) \(answer?.code ?? "") \((answer?.message ?? "").prefix(300))"
            let mayPass = response.status >= 500 || response.status == 429
            throw S3Error(
                mayPass ? .unavailable : .invalidCredentials,
                "\(said); check that the agents' service account has a pod identity association with a role")
        }
        guard let access = answer?.AccessKeyId, let secret = answer?.SecretAccessKey, !access.isEmpty,
            !secret.isEmpty
        else {
            throw S3Error(
                .malformedResponse,
                "\(what): the answer has no AccessKeyId and SecretAccessKey; check the address and the proxies on the way"
            )
        }
        var end: Date?
        if let text = answer?.Expiration {
            end = Date(service: text)
            guard end != nil else {
                throw S3Error(
                    .malformedResponse, "\(what): the answer's Expiration '\(text.prefix(50))' is no time")
            }
        }
        return IssuedCredentials(
            keys: S3Credentials(accessKey: access, secretKey: secret, sessionToken: answer?.Token),
            expiration: end)
    }
}
