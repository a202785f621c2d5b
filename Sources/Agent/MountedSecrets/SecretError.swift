/// Error of a Secret that cannot be used, or not for what a run wants.
public struct SecretError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// The Secret, or a key of it, is not there (yet).
        case missing
        /// A value is no key, password or token.
        case malformed
        /// The Secret does not allow what a run wants to do with it.
        case notAllowed
    }

    public var code: Code
    /// Field, problem and remedy, for people. It has no value of the Secret but its allowed hosts.
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
