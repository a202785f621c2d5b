import KubernetesAPI
import StructuralSchema

/// The errors that a real API server gives, with its words.
extension APIError {
    private static func details(_ type: ResourceType, name: String) -> StatusDetails {
        StatusDetails(
            name: name.isEmpty ? nil : name, group: type.group.isEmpty ? nil : type.group, kind: type.plural)
    }

    public static func notFound(_ type: ResourceType, name: String) -> APIError {
        APIError(
            code: 404, reason: "NotFound", message: "\(type.qualifiedName) \"\(name)\" not found",
            details: details(type, name: name))
    }

    /// Error 404 for a path that the server does not have.
    public static let noSuchResource = APIError(
        code: 404, reason: "NotFound", message: "the server could not find the requested resource",
        details: StatusDetails())

    public static func alreadyExists(_ type: ResourceType, name: String) -> APIError {
        APIError(
            code: 409, reason: "AlreadyExists", message: "\(type.qualifiedName) \"\(name)\" already exists",
            details: details(type, name: name))
    }

    public static func conflict(_ type: ResourceType, name: String, _ why: String) -> APIError {
        APIError(
            code: 409, reason: "Conflict",
            message: "Operation cannot be fulfilled on \(type.qualifiedName) \"\(name)\": \(why)",
            details: details(type, name: name))
    }

    public static func badRequest(_ message: String) -> APIError {
        APIError(code: 400, reason: "BadRequest", message: message)
    }

    public static func invalid(_ type: ResourceType, name: String, _ errors: [FieldError]) -> APIError {
        return APIError(
            code: 422, reason: "Invalid",
            message: errors.message(kind: type.kind, group: type.group, name: name),
            details: StatusDetails(
                name: name.isEmpty ? nil : name, group: type.group.isEmpty ? nil : type.group,
                kind: type.kind.isEmpty ? nil : type.kind, causes: errors.map(\.cause)))
    }

    public static func forbidden(_ type: ResourceType, name: String, _ why: String) -> APIError {
        let subject = name.isEmpty ? type.qualifiedName : "\(type.qualifiedName) \"\(name)\""
        return APIError(
            code: 403, reason: "Forbidden", message: "\(subject) is forbidden: \(why)",
            details: details(type, name: name))
    }

    public static func methodNotAllowed(_ message: String) -> APIError {
        APIError(code: 405, reason: "MethodNotAllowed", message: message, details: StatusDetails())
    }

    public static func expired(_ message: String) -> APIError {
        APIError(code: 410, reason: "Expired", message: message)
    }

    public static func internalError(_ message: String) -> APIError {
        APIError(
            code: 500, reason: "InternalError", message: "Internal error occurred: \(message)",
            details: StatusDetails(causes: [StatusCause(message: message)]))
    }
}
