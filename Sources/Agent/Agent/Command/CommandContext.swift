import AnnealAPI
import FoundationEssentials
import HTTPTransport
import Logging
import MountedSecrets
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

    /// A client for a run's store. The Secret that the run names is in use where it is mounted; else what the
    /// environment names; without either, requests are not signed.
    func client(_ storage: StorageConnection, of run: RunIdentity) throws -> S3Client {
        var configuration = try S3Configuration(
            endpoint: storage.endpoint, region: storage.region, pathStyle: storage.pathStyle)
        if let name = storage.credentialsSecretName, let folder = value(EnvironmentName.storageSecret) {
            configuration.credentials = SecretCredentials(
                folder: folder, namespace: run.namespace, name: name, endpoint: configuration.endpoint)
        } else {
            configuration.credentials = try CredentialChain.provider(
                environment, region: configuration.region, transport: transport, now: now, logger: logger)
        }
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

    /// Checks that the Secrets of which users' programs get values allow it.
    func check(_ secrets: [NamedSecret]?, of run: RunIdentity) throws(AgentFailure) {
        guard let secrets, !secrets.isEmpty else { return }
        let folder = value(EnvironmentName.programSecrets) ?? SecretPath.programs
        let permissions = ProgramSecrets(folder: folder, namespace: run.namespace)
        for secret in secrets {
            do throws(SecretError) { try permissions.check(secret.name, secret.field) } catch {
                throw AgentFailure(permission: error)
            }
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
