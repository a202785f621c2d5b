import KubernetesAPI

/// Why a patch or an apply was refused: what an API server answers the client with.
public struct PatchError: Error, Equatable, CustomStringConvertible {
    /// What went wrong, apart from how it is told.
    public enum Code: Hashable, Sendable {
        /// The patch itself is malformed, or asks for what no patch may do.
        case malformed
        /// The patch is well formed, but doesn't fit the object: a failed test, a path that isn't there.
        case unprocessable
        /// More operations, more copied bytes or deeper nesting than is allowed.
        case tooLarge
        /// Another field manager owns a field with another value.
        case conflict
        /// The object doesn't fit its schema, so that its fields cannot be told apart.
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

    /// What `kube-apiserver` says of any JSON patch that cannot be applied: it hides the reason.
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

    /// `kube-apiserver` gives errors of the schema no reason, and the status 500.
    static func untyped(_ message: String) -> PatchError {
        PatchError(.untyped, status: Status(message: message, code: 500))
    }
}
