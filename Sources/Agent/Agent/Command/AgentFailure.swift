import AnnealAPI
import Encodings
import ModelRegistry
import MountedSecrets
import ObjectStorage

/// Failure of a command, for its report and its exit code.
public struct AgentFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// CamelCase.
    public var reason: String
    /// Problem and remedy, for people.
    public var message: String
    /// Whether another attempt may help without anyone changing anything.
    public var isRetryable: Bool

    public init(reason: String, message: String, isRetryable: Bool = false) {
        self.reason = reason
        self.message = message
        self.isRetryable = isRetryable
    }

    public var description: String { "\(reason): \(message)" }

    public var exitCode: Int64 { isRetryable ? ExitCode.retryable : ExitCode.terminal }

    static let cancelled = AgentFailure(
        reason: "Cancelled", message: "stopped by SIGTERM before the work was done", isRetryable: true)

    /// A value in the configuration that cannot be used.
    static func configuration(_ key: String, _ value: String, _ remedy: String) -> AgentFailure {
        AgentFailure(reason: "InvalidConfiguration", message: "\(key): '\(value.prefix(200))' \(remedy)")
    }

    /// The failure that stands for an error.
    init(_ error: any Error) {
        switch error {
        case let failure as AgentFailure: self = failure
        case let error as S3Error:
            self.init(reason: error.reason, message: error.message, isRetryable: error.isRetryable)
        case let error as RegistryError:
            self.init(reason: error.reason, message: error.message, isRetryable: error.isRetryable)
        case is CancellationError: self = .cancelled
        case let error as DecodingError:
            self.init(reason: "MalformedResponse", message: "an answer cannot be read: \(error.problem)")
        default: self.init(reason: "Error", message: "\(error)", isRetryable: true)
        }
    }

    /// The failure for a Secret that does not allow what the run wants. One that is missing may come yet.
    init(permission error: SecretError) {
        self.init(
            reason: "SecretNotAllowed", message: error.message, isRetryable: error.code == .missing)
    }

    /// The failure for an error of the store. An object that is missing has the reason `missing`, which says
    /// whether it is a dataset, a model or something else.
    static func naming(
        missing reason: String, _ key: String, _ error: S3Error
    ) -> AgentFailure {
        var failure = AgentFailure(error)
        // A fault of the Secret is none of the address.
        if error.code == .secretNotAllowed || error.code == .credentialsUnavailable { return failure }
        failure.message = "\(key): \(failure.message)"
        if error.code == .noSuchKey || error.code == .noSuchBucket { failure.reason = reason }
        return failure
    }
}
