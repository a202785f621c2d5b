import Encodings
import FoundationEssentials
import HTTPTransport
import Logging
import MountedSecrets

/// The ways by which AWS's own programs find credentials without being told, in their order: keys in the
/// environment, a web identity, the container's credentials (AWS SDKs and Tools Reference Guide, "Standardized
/// credential providers"). Shared files and the instance's own role are left out: they are the node's, and not
/// the pod's.
public enum CredentialChain {
    /// The first source that the environment names; nil if it names none.
    ///
    /// - Parameters:
    ///   - region: region of the store, for a Security Token Service nearby
    ///   - now: clock that expiry is told by
    /// - Throws: `.invalidCredentials` where a variable is missing or is no use.
    public static func provider(
        _ environment: [String: String], region: String, transport: HTTPTransport,
        now: @escaping @Sendable () -> Date, logger: Logger
    ) throws(S3Error) -> (any CredentialProvider)? {
        let variables = Variables(environment)
        if let keys = try variables.keys { return keys }
        if let identity = try variables.webIdentity(region: region, transport: transport) {
            return TemporaryCredentials(now: now, logger: logger) { () async throws(S3Error) in
                try await identity.fetch()
            }
        }
        if let container = try variables.container(transport: transport) {
            return TemporaryCredentials(now: now, logger: logger) { () async throws(S3Error) in
                try await container.fetch()
            }
        }
        return nil
    }
}

/// Environment variables that AWS's programs read.
private struct Variables {
    private let environment: [String: String]

    init(_ environment: [String: String]) { self.environment = environment }

    /// The value of a variable, without line feeds at its end, as files leave them; nil if it is not set or empty.
    private subscript(name: String) -> String? {
        guard var text = environment[name] else { return nil }
        while text.last?.isNewline == true { text.removeLast() }
        return text.isEmpty ? nil : text
    }

    var keys: S3Credentials? {
        get throws(S3Error) {
            switch (self["AWS_ACCESS_KEY_ID"], self["AWS_SECRET_ACCESS_KEY"]) {
            case (nil, nil): return nil
            case (let access?, let secret?):
                return S3Credentials(
                    accessKey: access, secretKey: secret, sessionToken: self["AWS_SESSION_TOKEN"])
            case (nil, _?): throw Self.alone("AWS_SECRET_ACCESS_KEY", without: "AWS_ACCESS_KEY_ID")
            case (_?, nil): throw Self.alone("AWS_ACCESS_KEY_ID", without: "AWS_SECRET_ACCESS_KEY")
            }
        }
    }

    private static func alone(_ name: String, without other: String) -> S3Error {
        S3Error(
            .invalidCredentials,
            "\(name) is set and \(other) is not: set both, or name a Secret by storage.credentialsSecretName")
    }

    func webIdentity(region: String, transport: HTTPTransport) throws(S3Error) -> WebIdentity? {
        guard let file = self["AWS_WEB_IDENTITY_TOKEN_FILE"] else { return nil }
        guard let role = self["AWS_ROLE_ARN"] else {
            throw Self.alone("AWS_WEB_IDENTITY_TOKEN_FILE", without: "AWS_ROLE_ARN")
        }
        let region = self["AWS_REGION"] ?? self["AWS_DEFAULT_REGION"] ?? region
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        var endpoint =
            self["AWS_ENDPOINT_URL_STS"] ?? self["AWS_ENDPOINT_URL"] ?? "https://sts.\(region).\(domain)"
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        guard NetworkAddress(endpoint) != nil else {
            throw S3Error(
                .invalidCredentials,
                "'\(AddressCredentials.hidden(in: endpoint).prefix(200))' is no address of STS; set AWS_ENDPOINT_URL_STS to https://host[:port], and "
                    + "AWS_REGION to a region such as us-east-1")
        }
        return WebIdentity(
            tokenFile: file, roleARN: role, sessionName: self["AWS_ROLE_SESSION_NAME"] ?? "anneal-agent",
            endpoint: endpoint, transport: transport)
    }

    func container(transport: HTTPTransport) throws(S3Error) -> ContainerCredentials? {
        let relative = self["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        guard
            let url = relative.map({ "http://169.254.170.2\($0)" })
                ?? self["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        else { return nil }
        let variable =
            relative == nil ? "AWS_CONTAINER_CREDENTIALS_FULL_URI" : "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
        let authorization: ContainerCredentials.Authorization =
            self["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].map { .file($0) }
            ?? self["AWS_CONTAINER_AUTHORIZATION_TOKEN"].map { .token($0) } ?? .none
        let container = ContainerCredentials(
            url: url, variable: variable, authorization: authorization, transport: transport)
        return container
    }
}
