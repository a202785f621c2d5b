/// An error in one field of an object: `field.Error` of apimachinery.
public struct FieldError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Kind of error. The raw value is the `reason` of a cause in a `Status`.
    public enum Code: String, Hashable, Sendable {
        case required = "FieldValueRequired"
        case invalid = "FieldValueInvalid"
        case forbidden = "FieldValueForbidden"
        case duplicate = "FieldValueDuplicate"
        case notSupported = "FieldValueNotSupported"
        case notFound = "FieldValueNotFound"
        case tooLong = "FieldValueTooLong"
        case tooMany = "FieldValueTooMany"
        case typeInvalid = "FieldValueTypeInvalid"
        case internalError = "InternalError"
    }

    public var code: Code
    /// `spec.containers[0].name`; `<nil>` stands for the whole object.
    public var field: String
    /// The cause's `message`: `Invalid value: "x": must be …`.
    public var message: String

    public init(code: Code, field: String, message: String) {
        self.code = code
        self.field = field
        self.message = message
    }

    /// `field: message`
    public var description: String { "\(field): \(message)" }

    /// The cause as it stands in `Status.details.causes`.
    public var cause: StatusCause { StatusCause(reason: code.rawValue, message: message, field: field) }

    public static func required(_ field: String, _ detail: String = "") -> FieldError {
        FieldError(code: .required, field: field, message: suffixed("Required value", detail))
    }

    public static func invalid(_ field: String, _ value: JSONValue, _ detail: String) -> FieldError {
        FieldError(code: .invalid, field: field, message: suffixed("Invalid value: \(value.text)", detail))
    }

    public static func forbidden(_ field: String, _ detail: String) -> FieldError {
        FieldError(code: .forbidden, field: field, message: suffixed("Forbidden", detail))
    }

    public static func duplicate(_ field: String, _ value: JSONValue) -> FieldError {
        FieldError(code: .duplicate, field: field, message: "Duplicate value: \(value.text)")
    }

    public static func notFound(_ field: String, _ value: JSONValue) -> FieldError {
        FieldError(code: .notFound, field: field, message: "Not found: \(value.text)")
    }

    /// - Parameter supported: values in the order in which the message lists them.
    public static func notSupported(
        _ field: String, _ value: JSONValue, supported: [String]
    ) -> FieldError {
        let choices = supported.map { JSONValue.string($0).text }.joined(separator: ", ")
        return FieldError(
            code: .notSupported, field: field,
            message: suffixed(
                "Unsupported value: \(value.text)", choices.isEmpty ? "" : "supported values: \(choices)"))
    }

    /// - Parameter limit: in bytes.
    public static func tooLong(_ field: String, limit: Int) -> FieldError {
        FieldError(code: .tooLong, field: field, message: "Too long: may not be more than \(limit) bytes")
    }

    public static func tooMany(_ field: String, actual: Int, limit: Int) -> FieldError {
        FieldError(
            code: .tooMany, field: field,
            message: "Too many: \(actual): must have at most \(limit) item\(limit == 1 ? "" : "s")")
    }

    private static func suffixed(_ head: String, _ detail: String) -> String {
        detail.isEmpty ? head : "\(head): \(detail)"
    }
}
