import Encodings
import HTTPTransport

/// Failure of a request to the model registry.
public struct RegistryError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        case invalidAddress
        /// The registry is down, overloaded or unreachable.
        case unavailable
        case unauthorised
        /// The Secret with the credentials, or a key of it, is missing.
        case credentialsUnavailable
        /// The Secret does not say that it may be sent to the registry.
        case secretNotAllowed
        case notFound
        case alreadyExists
        /// Any other refusal, with MLflow's own error code.
        case refused(String)
        case malformedResponse
        case cancelled
    }

    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// Whether another attempt may help without anyone changing anything.
    public var isRetryable: Bool {
        switch code {
        // An object that exists by now was created after the last look: another look finds it.
        case .unavailable, .alreadyExists, .malformedResponse, .cancelled, .credentialsUnavailable: true
        case .invalidAddress, .unauthorised, .secretNotAllowed, .notFound, .refused: false
        }
    }

    /// CamelCase, for conditions and reports.
    public var reason: String {
        switch code {
        case .invalidAddress: "InvalidTrackingUri"
        case .unavailable: "RegistryUnavailable"
        case .unauthorised: "RegistryUnauthorized"
        case .credentialsUnavailable: "CredentialsUnavailable"
        case .secretNotAllowed: "SecretNotAllowed"
        case .notFound: "RegistryNotFound"
        case .alreadyExists: "RegistryConflict"
        case .refused: "RegistryRefused"
        case .malformedResponse: "RegistryMalformedResponse"
        case .cancelled: "Cancelled"
        }
    }

    init(transport error: TransportError, address: String) {
        switch error.code {
        case .cancelled, .shutDown: self.init(.cancelled, "stopped")
        case .badURL:
            self.init(
                .invalidAddress,
                "registration.trackingUri: '\(AddressCredentials.hidden(in: address))' cannot be used: \(error.message); write http[s]://host[:port]"
            )
        default:
            self.init(
                .unavailable,
                "MLflow at \(address) cannot be reached: \(error.message); check registration.trackingUri and the network"
            )
        }
    }
}
