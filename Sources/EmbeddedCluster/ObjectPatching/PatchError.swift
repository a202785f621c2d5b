import KubernetesAPI

/// Refusal of a patch or an apply, with an API server's answer to the client.
public struct PatchError: Error, Equatable, CustomStringConvertible {
    /// Kind of refusal, apart from its wording.
    public enum Code: Hashable, Sendable {
        /// The patch is malformed, or asks for a change that no patch may make.
        case malformed
        /// The patch is well formed, but does not fit the object: a test failed, or a path is missing.
        case unprocessable
        /// The patch has more operations, copied bytes or levels than are allowed.
        case tooLarge
        /// Another field manager owns a field with another value.
        case conflict
        /// The object does not fit its schema, so that its fields cannot be identified.
        case untyped
    }

    public var code: Code
    public var status: Status

    public init(_ code: Code, status: Status) {
        self.code = code
        self.status = status
    }

    public var description: String { status.message ?? "patch refused" }

    static func malformed(_ message: String) -> PatchError {
        PatchError(.malformed, status: Status(message: message, reason: "BadRequest", code: 400))
    }

    /// Answer of `kube-apiserver` to any JSON patch that cannot be applied: it hides the reason.
    static var unprocessable: PatchError {
        PatchError(
            .unprocessable,
            status: Status(
                message: "the server rejected our request due to an error in our request",
                reason: "Invalid", details: StatusDetails(), code: 422))
    }

    static func tooLarge(_ message: String) -> PatchError {
        PatchError(
            .tooLarge,
            status: Status(
                message: "Request entity is too large: \(message)", reason: "RequestEntityTooLarge",
                code: 413))
    }

    /// An error of the schema. `kube-apiserver` gives it no reason, and the status 500.
    static func untyped(_ message: String) -> PatchError {
        PatchError(.untyped, status: Status(message: message, code: 500))
    }
}
