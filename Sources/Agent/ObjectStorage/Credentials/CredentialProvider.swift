import MountedSecrets
import Synchronization

/// Keys for signing requests.
public struct S3Credentials: Hashable, Sendable {
    public var accessKey: String
    public var secretKey: String
    public var sessionToken: String?

    public init(accessKey: String, secretKey: String, sessionToken: String? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }
}

/// Source of the keys that requests are signed with. It is asked before each request, as keys change.
public protocol CredentialProvider: Sendable {
    /// The keys of this moment.
    func credentials() async throws(S3Error) -> S3Credentials

    /// The keys to use after a store refused some; nil if there are no others yet.
    func credentials(after refused: S3Credentials) async throws(S3Error) -> S3Credentials?

    /// Notes that the store took a request with these keys.
    func noteAccepted(_ keys: S3Credentials)

    /// Whether keys that the store refuses now were accepted before, and others are to come: somebody is
    /// exchanging them.
    func isExchanging(_ refused: S3Credentials) -> Bool
}

extension CredentialProvider {
    public func noteAccepted(_ keys: S3Credentials) {}

    public func isExchanging(_ refused: S3Credentials) -> Bool { false }
}

/// Keys that never change.
extension S3Credentials: CredentialProvider {
    public func credentials() async throws(S3Error) -> S3Credentials { self }

    public func credentials(after refused: S3Credentials) async throws(S3Error) -> S3Credentials? { nil }
}

/// Keys of a mounted Secret, as long as that may be sent to the store.
public final class SecretCredentials: CredentialProvider {
    /// Key of the Secret that holds the access key.
    public static let accessKey = "accessKeyId"
    /// Key of the Secret that holds the secret key.
    public static let secretKey = "secretAccessKey"
    /// Key of the Secret that holds a temporary credential's token.
    public static let sessionToken = "sessionToken"

    private let secret: MountedSecret
    private let endpoint: String
    private let accepted = Mutex<S3Credentials?>(nil)

    /// - Parameters:
    ///   - folder: folder that the Secret is mounted at
    ///   - namespace: namespace of the Secret
    ///   - name: name of the Secret
    ///   - endpoint: address of the store that the keys are for
    public init(folder: String, namespace: String, name: String, endpoint: String) {
        secret = MountedSecret(
            folder: folder, namespace: namespace, name: name, field: "storage.credentialsSecretName",
            keys: [Self.accessKey, Self.secretKey, Self.sessionToken])
        self.endpoint = endpoint
    }

    public func credentials() async throws(S3Error) -> S3Credentials {
        do throws(SecretError) {
            let values = try secret.values(for: endpoint, of: "storage.endpoint")
            guard let access = values[Self.accessKey] else { throw secret.lacks(Self.accessKey) }
            guard let key = values[Self.secretKey] else { throw secret.lacks(Self.secretKey) }
            return S3Credentials(
                accessKey: access, secretKey: key, sessionToken: values[Self.sessionToken])
        } catch {
            throw S3Error(error)
        }
    }

    public func credentials(after refused: S3Credentials) async throws(S3Error) -> S3Credentials? {
        secret.forget()
        let now = try await credentials()
        return now == refused ? nil : now
    }

    public func noteAccepted(_ keys: S3Credentials) {
        accepted.withLock { if $0 != keys { $0 = keys } }
    }

    /// The kubelet takes a minute or so to bring the new keys.
    public func isExchanging(_ refused: S3Credentials) -> Bool { accepted.withLock { $0 == refused } }
}

extension S3Error {
    /// The error for a Secret that cannot be used.
    init(_ error: SecretError) {
        let code: Code =
            switch error.code {
            case .missing: .credentialsUnavailable
            case .malformed: .invalidCredentials
            case .notAllowed: .secretNotAllowed
            }
        self.init(code, error.message)
    }
}
