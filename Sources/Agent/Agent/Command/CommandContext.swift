import AnnealAPI
import FoundationEssentials
import HTTPTransport
import Logging
import ObjectStorage

/// A command's environment: variables, transport, retries, time and logger.
public struct CommandContext: Sendable {
    public var environment: [String: String]
    public var transport: HTTPTransport
    public var retry: RetryPolicy
    public var retryEnvironment: RetryEnvironment
    public var now: @Sendable () -> Date
    public var logger: Logger

    public init(
        environment: [String: String], transport: HTTPTransport, retry: RetryPolicy = RetryPolicy(),
        retryEnvironment: RetryEnvironment = .live, now: @escaping @Sendable () -> Date = { Date() },
        logger: Logger
    ) {
        self.environment = environment
        self.transport = transport
        self.retry = retry
        self.retryEnvironment = retryEnvironment
        self.now = now
        self.logger = logger
    }

    /// A client for a run's store, with the credentials of the environment; without any, requests are not
    /// signed.
    func client(_ storage: StorageConnection) throws -> S3Client {
        var configuration = try S3Configuration(
            endpoint: storage.endpoint, region: storage.region, pathStyle: storage.pathStyle,
            credentials: try credentials())
        if let path = environment["AWS_CA_BUNDLE"], !path.isEmpty {
            guard let data = try? Data(contentsOf: URL(filePath: path)) else {
                throw AgentFailure.configuration(
                    "AWS_CA_BUNDLE", path, "cannot be read; name a PEM file, or unset it")
            }
            configuration.certificateAuthority = Array(data)
        }
        return S3Client(
            configuration: configuration, transport: transport, retry: retry,
            environment: retryEnvironment, logger: logger)
    }

    func synchroniser(_ client: S3Client) -> Synchroniser {
        Synchroniser(client: client, now: now, logger: logger)
    }

    private func credentials() throws(AgentFailure) -> S3Credentials? {
        let access = value(EnvironmentName.accessKey)
        let secret = value(EnvironmentName.secretKey)
        switch (access, secret) {
        case (nil, nil): return nil
        case (let access?, let secret?):
            return S3Credentials(
                accessKey: access, secretKey: secret, sessionToken: value(EnvironmentName.sessionToken))
        case (nil, _?), (_?, nil):
            throw AgentFailure(
                reason: "InvalidCredentials",
                message:
                    "only one of \(EnvironmentName.accessKey) and \(EnvironmentName.secretKey) is set; the "
                    + "Secret that storage.credentialsSecretName names needs both accessKeyId and secretAccessKey"
            )
        }
    }

    /// The value of an environment variable, without line feeds at its end, as files leave them; nil if it is
    /// not set or empty.
    func value(_ name: String) -> String? {
        guard var text = environment[name] else { return nil }
        while text.last?.isNewline == true { text.removeLast() }
        return text.isEmpty ? nil : text
    }
}
