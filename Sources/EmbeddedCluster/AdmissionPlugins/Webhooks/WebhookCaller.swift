import APIServer
import FoundationEssentials
import HTTPTransport
import KubernetesAPI

/// Carries a review to a webhook.
public protocol WebhookTransport: Sendable {
    func exchange(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse
}

/// HTTP through libcurl.
public struct WebhookHTTP: WebhookTransport {
    /// Bytes of an answer at most: more than any object with its old version may have.
    private static let bodyLimit = 16 << 20

    private let transport: HTTPTransport

    public init(_ transport: HTTPTransport) { self.transport = transport }

    public func exchange(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
        try await transport.send(request, maximumBodyBytes: Self.bodyLimit)
    }
}

/// Asks webhooks.
struct WebhookCaller: Sendable {
    /// Failure of a call: no answer, or none that can be understood. The webhook's `failurePolicy` decides
    /// about the request then.
    struct Failure: Error {
        var message: String
    }

    var transport: any WebhookTransport
    var makeUID: @Sendable () -> String

    func ask(
        _ webhook: Webhook, _ kind: Webhook.Kind, about request: AdmissionRequest,
        in cluster: any AdmissionCluster
    ) async throws(Failure) -> WebhookAnswer {
        let uid = makeUID()
        let address = try await address(of: webhook, in: cluster)
        var tls = TLSOptions(certificateAuthority: webhook.authority)
        tls.serverName = address.serverName
        let message = HTTPRequest(
            method: "POST", url: address.url,
            headers: [
                HTTPHeader("Accept", "application/json, */*"),
                HTTPHeader("Content-Type", "application/json"),
                HTTPHeader("User-Agent", "kube-apiserver-admission"),
            ], body: .data(AdmissionReview.body(of: request, uid: uid).serialized()), tls: tls,
            timeout: .seconds(webhook.timeoutSeconds))
        let response: HTTPResponse
        do {
            response = try await transport.exchange(message)
        } catch {
            throw Failure(message: Self.explain(error, address))
        }
        guard (200..<300).contains(response.status) else { throw Failure(message: Self.explain(response)) }
        do {
            return try WebhookAnswer(decoding: response.body, uid: uid, for: kind)
        } catch {
            throw Failure(message: error.message)
        }
    }

    // MARK: Where a webhook is

    private struct Address {
        /// URL of the connection.
        var url: String
        /// URL that messages show.
        var shownURL: String
        /// `host:port` of the connection.
        var peer: String
        /// Name on the certificate; nil if it is the URL's.
        var serverName: String?
    }

    private func address(
        of webhook: Webhook, in cluster: any AdmissionCluster
    ) async throws(Failure) -> Address {
        let query = "?timeout=\(webhook.timeoutSeconds)s"
        switch webhook.endpoint {
        case .url(let url):
            let peer = url.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first ?? ""
            return Address(
                url: url + query, shownURL: url + query,
                peer: peer.contains(":") ? String(peer) : "\(peer):443")
        case .service(let namespace, let name, let path, let port):
            let host = "\(name).\(namespace).svc"
            let peer: String
            do {
                peer = try await ServiceAddress.resolve(
                    namespace: namespace, name: name, port: port, in: cluster)
            } catch {
                throw Failure(message: "failed to call webhook: \(error.message)")
            }
            let path = path.hasPrefix("/") || path.isEmpty ? path : "/\(path)"
            return Address(
                url: "https://\(peer)\(path)\(query)", shownURL: "https://\(host):\(port)\(path)\(query)",
                peer: peer, serverName: host)
        }
    }

    // MARK: What went wrong, in the words of a real API server

    private static func explain(_ error: TransportError, _ address: Address) -> String {
        let why =
            switch error.code {
            case .cannotConnect: "dial tcp \(address.peer): connect: connection refused"
            case .cannotResolve:
                "dial tcp: lookup \(address.peer.split(separator: ":").first ?? ""): no such host"
            case .timedOut, .idleTimeout: "context deadline exceeded"
            case .tls: "tls: failed to verify certificate: x509: \(error.message)"
            case .connectionLost: "EOF"
            default: error.message
            }
        return "failed to call webhook: Post \"\(address.shownURL)\": \(why)"
    }

    private static func explain(_ response: HTTPResponse) -> String {
        let body = String(decoding: response.body.prefix(2048), as: UTF8.self)
        let text = body.split(separator: "\n").joined(separator: " ")
        let why =
            switch response.status {
            case 404: "the server could not find the requested resource"
            case 401: "Unauthorized"
            case 403: "forbidden: \(text)"
            default:
                "an error on the server (\"\(text.isEmpty ? "unknown" : text)\") has prevented the request "
                    + "from succeeding"
            }
        return "failed to call webhook: \(why)"
    }
}
