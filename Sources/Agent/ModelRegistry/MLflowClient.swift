import Encodings
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Logging

/// Credentials for MLflow.
public enum RegistryCredentials: Hashable, Sendable {
    case none
    case basic(username: String, password: String)
    case bearer(String)
}

/// MLflow's REST API (`/api/2.0/mlflow`), as far as registering a model needs it. Requests are not repeated.
public struct MLflowClient: Sendable {
    /// URL without a trailing `/`.
    public let address: String
    private let credentials: RegistryCredentials
    private let transport: HTTPTransport

    /// - Throws: `.invalidAddress` for an address that is no `http` or `https` URL.
    public init(
        address: String, credentials: RegistryCredentials, transport: HTTPTransport
    ) throws(RegistryError) {
        var trimmed = address
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard trimmed.hasPrefix("http://") || trimmed.hasPrefix("https://"), trimmed.utf8.count > 8,
            trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw RegistryError(
                .invalidAddress,
                "registration.trackingUri: '\(address)' is no address of an MLflow server; write http[s]://host[:port]"
            )
        }
        self.address = trimmed
        self.credentials = credentials
        self.transport = transport
    }

    func get(_ path: String, _ query: [(String, String)]) async throws(RegistryError) -> JSONValue {
        let text = query.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        return try await send(
            HTTPRequest(method: "GET", url: "\(address)/api/2.0/mlflow/\(path)?\(text)"), path)
    }

    @discardableResult
    func post(_ path: String, _ body: JSONValue) async throws(RegistryError) -> JSONValue {
        var request = HTTPRequest(method: "POST", url: "\(address)/api/2.0/mlflow/\(path)")
        request.headers = [HTTPHeader("Content-Type", "application/json")]
        request.body = .data(body.serialized())
        return try await send(request, path)
    }

    private func send(_ request: HTTPRequest, _ path: String) async throws(RegistryError) -> JSONValue {
        var request = request
        request.idleTimeout = .seconds(60)
        request.headers += authorisation
        let response: HTTPResponse
        do { response = try await transport.send(request, maximumBodyBytes: 16 << 20) } catch {
            throw RegistryError(transport: error, address: address)
        }
        let body = try? JSONValue(parsing: response.body)
        guard (200..<300).contains(response.status) else {
            throw failure(response.status, body, path)
        }
        guard let body else {
            throw RegistryError(
                .malformedResponse,
                "what answers at \(address) is no MLflow server: \(path) gave no JSON; check registration.trackingUri"
            )
        }
        return body
    }

    private var authorisation: [HTTPHeader] {
        switch credentials {
        case .none: []
        case .basic(let username, let password):
            [
                HTTPHeader(
                    "Authorization", "Basic " + Data("\(username):\(password)".utf8).base64EncodedString())
            ]
        case .bearer(let token): [HTTPHeader("Authorization", "Bearer \(token)")]
        }
    }

    private func failure(_ status: Int, _ body: JSONValue?, _ path: String) -> RegistryError {
        let errorCode = body?["error_code"]?.stringValue ?? "HTTP \(status)"
        let said =
            "MLflow at \(address), \(path): \(errorCode): \((body?["message"]?.stringValue ?? "").prefix(500))"
        switch (status, errorCode) {
        case (401, _), (403, _), (_, "PERMISSION_DENIED"), (_, "UNAUTHENTICATED"):
            return RegistryError(
                .unauthorised,
                "\(said); put username and password, or token, of an account that may write there into the Secret "
                    + "that registration.credentialsSecretName names")
        case (_, "RESOURCE_DOES_NOT_EXIST"), (404, _): return RegistryError(.notFound, said)
        case (_, "RESOURCE_ALREADY_EXISTS"): return RegistryError(.alreadyExists, said)
        case (408, _), (429, _), (500..., _), (_, "TEMPORARILY_UNAVAILABLE"):
            return RegistryError(.unavailable, said)
        default: return RegistryError(.refused(errorCode), said)
        }
    }
}
