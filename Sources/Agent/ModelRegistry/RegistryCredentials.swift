import FoundationEssentials
import HTTPTransport
import MountedSecrets

/// Credentials for MLflow.
public enum RegistryCredentials: Hashable, Sendable {
    case none
    case basic(username: String, password: String)
    case bearer(String)

    var headers: [HTTPHeader] {
        switch self {
        case .none: []
        case .basic(let username, let password):
            [
                HTTPHeader(
                    "Authorization", "Basic " + Data("\(username):\(password)".utf8).base64EncodedString())
            ]
        case .bearer(let token): [HTTPHeader("Authorization", "Bearer \(token)")]
        }
    }
}

/// Source of the credentials for a registry. It is asked before each request, as they change.
public protocol RegistryCredentialSource: Sendable {
    /// The credentials of this moment.
    func credentials(for address: String) throws(RegistryError) -> RegistryCredentials

    /// The credentials to use after the registry refused some; nil if there are no others yet.
    func credentials(
        for address: String, after refused: RegistryCredentials
    ) throws(RegistryError) -> RegistryCredentials?
}

/// Credentials that never change.
extension RegistryCredentials: RegistryCredentialSource {
    public func credentials(for address: String) throws(RegistryError) -> RegistryCredentials { self }

    public func credentials(
        for address: String, after refused: RegistryCredentials
    ) throws(RegistryError) -> RegistryCredentials? { nil }
}

/// Credentials of a mounted Secret, as long as that may be sent to the registry: a token, or a name and a password.
public struct RegistrySecret: RegistryCredentialSource {
    private static let username = "username"
    private static let password = "password"
    private static let token = "token"
    private static let addressField = "registration.trackingUri"

    private let secret: MountedSecret

    /// - Parameters:
    ///   - folder: folder that the Secret is mounted at, or its list of allowed hosts alone
    ///   - namespace: namespace of the Secret
    ///   - name: name of the Secret
    public init(folder: String, namespace: String, name: String) {
        secret = MountedSecret(
            folder: folder, namespace: namespace, name: name, field: "registration.credentialsSecretName",
            keys: [Self.username, Self.password, Self.token])
    }

    /// Checks that the Secret may be sent to a registry, whatever else is in it.
    public func check(_ address: String) throws(SecretError) {
        try secret.check(address, of: Self.addressField)
    }

    public func credentials(for address: String) throws(RegistryError) -> RegistryCredentials {
        do throws(SecretError) {
            let values = try secret.values(for: address, of: Self.addressField)
            if let token = values[Self.token] { return .bearer(token) }
            guard let username = values[Self.username] else {
                throw secret.lacks("\(Self.token) or \(Self.username)")
            }
            guard let password = values[Self.password] else { throw secret.lacks(Self.password) }
            return .basic(username: username, password: password)
        } catch { throw RegistryError(error) }
    }

    public func credentials(
        for address: String, after refused: RegistryCredentials
    ) throws(RegistryError) -> RegistryCredentials? {
        secret.forget()
        let now = try credentials(for: address)
        return now == refused ? nil : now
    }
}

extension RegistryError {
    /// The error for a Secret that cannot be used.
    init(_ error: SecretError) {
        let code: Code =
            switch error.code {
            case .missing: .credentialsUnavailable
            case .malformed: .unauthorised
            case .notAllowed: .secretNotAllowed
            }
        self.init(code, error.message)
    }
}
