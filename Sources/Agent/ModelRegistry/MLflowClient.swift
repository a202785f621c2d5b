import Encodings
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Logging

/// MLflow's REST API (`/api/2.0/mlflow`), as far as registering a model needs it. Requests are not repeated.
public struct MLflowClient: Sendable {
    /// URL without a trailing `/`.
    public let address: String
    private let credentials: any RegistryCredentialSource
    private let transport: HTTPTransport

    /// - Throws: `.invalidAddress` for an address that is no `http` or `https` URL.
    public init(
        address: String, credentials: RegistryCredentials, transport: HTTPTransport
    ) throws(RegistryError) {
        try self.init(address: address, source: credentials, transport: transport)
    }

    /// - Parameter source: asked for credentials before each request.
    /// - Throws: `.invalidAddress` for an address that is no `http` or `https` URL.
    public init(
        address: String, source: any RegistryCredentialSource, transport: HTTPTransport
    ) throws(RegistryError) {
        var trimmed = address
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard !AddressCredentials.areIn(address) else {
            throw RegistryError(
                .invalidAddress,
                "registration.trackingUri: '\(AddressCredentials.hidden(in: address))' has a user or password in it; "
                    + "put them into the Secret that registration.credentialsSecretName names")
        }
        guard trimmed.hasPrefix("http://") || trimmed.hasPrefix("https://"), trimmed.utf8.count > 8,
            trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !trimmed.utf8.contains(where: { "?#".utf8.contains($0) })
        else {
            throw RegistryError(
                .invalidAddress,
                "registration.trackingUri: '\(address.prefix { $0 != "?" && $0 != "#" })' is no address of an MLflow "
                    + "server; write http[s]://host[:port], without a query")
        }
        self.address = trimmed
        credentials = source
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

    /// Sends a request, and once more if it was refused with credentials that are no longer those in use.
    private func send(_ request: HTTPRequest, _ path: String) async throws(RegistryError) -> JSONValue {
        let used = try credentials.credentials(for: address)
        do throws(RegistryError) { return try await send(request, path, with: used) } catch {
            guard error.code == .unauthorised,
                let other = try credentials.credentials(for: address, after: used)
            else { throw error }
            return try await send(request, path, with: other)
        }
    }

    private func send(
        _ request: HTTPRequest, _ path: String, with credentials: RegistryCredentials
    ) async throws(RegistryError) -> JSONValue {
        var request = request
        request.idleTimeout = .seconds(60)
        request.headers += credentials.headers
        let response: HTTPResponse
        do { response = try await transport.send(request, maximumBodyBytes: 16 << 20) } catch {
            throw RegistryError(transport: error, address: address)
        }
        let body = try? JSONValue(parsing: response.body)
        guard (200..<300).contains(response.status) else {
            throw failure(response, body, path)
        }
        guard let body, body.objectValue != nil else { throw foreign(response, path) }
        return body
    }

    /// The error for an answer that MLflow would not give.
    private func foreign(_ response: HTTPResponse, _ path: String) -> RegistryError {
        RegistryError(
            .malformedResponse,
            "what answers at \(address) is no MLflow server: \(path) gave \(ContentKind(of: response.body).description) "
                + "(HTTP \(response.status)); check registration.trackingUri and the proxies on the way")
    }

    private func failure(_ response: HTTPResponse, _ body: JSONValue?, _ path: String) -> RegistryError {
        let status = response.status
        // A 404 of another server is no experiment or model that is missing.
        if body?["error_code"] == nil, !response.body.isEmpty, (300..<500).contains(status),
            ![401, 403, 408, 429].contains(status)
        {
            return foreign(response, path)
        }
        let kind =
            body == nil && !response.body.isEmpty ? " (\(ContentKind(of: response.body).description))" : ""
        let errorCode = body?["error_code"]?.stringValue ?? "HTTP \(status)\(kind)"
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
