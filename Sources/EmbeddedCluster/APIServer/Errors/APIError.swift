import KubernetesAPI

/// An answer that is no object: what a client gets as a `Status` with the given code.
public struct APIError: Error, Equatable, Sendable, CustomStringConvertible {
    public var status: Status
    /// Seconds for a `Retry-After` header; nil unless another attempt may help.
    public var retryAfter: Int?

    public init(_ status: Status, retryAfter: Int? = nil) {
        self.status = status
        self.retryAfter = retryAfter
    }

    public init(
        code: Int, reason: String, message: String, details: StatusDetails? = nil, retryAfter: Int? = nil
    ) {
        status = Status(message: message, reason: reason, details: details, code: code)
        self.retryAfter = retryAfter
    }

    public var code: Int { status.code ?? 500 }
    public var description: String { status.message ?? status.reason ?? "unknown error" }

    /// The body, with the empty `metadata` that every `Status` carries.
    public var body: JSONValue { status.body }
}

extension Status {
    /// The JSON of this status, with the empty `metadata` that every `Status` carries.
    public var body: JSONValue {
        var body: [String: JSONValue] = ["kind": "Status", "apiVersion": "v1", "metadata": [:]]
        body["status"] = status.map(JSONValue.string)
        body["message"] = message.map(JSONValue.string)
        body["reason"] = reason.map(JSONValue.string)
        body["details"] = details?.body
        body["code"] = code.map { .integer(Int64($0)) }
        return .object(body)
    }
}

extension StatusDetails {
    fileprivate var body: JSONValue {
        var body: [String: JSONValue] = [:]
        body["name"] = name.map(JSONValue.string)
        body["group"] = group.map(JSONValue.string)
        body["kind"] = kind.map(JSONValue.string)
        body["uid"] = uid.map(JSONValue.string)
        body["retryAfterSeconds"] = retryAfterSeconds.map { .integer(Int64($0)) }
        if let causes {
            body["causes"] = .array(
                causes.map { cause in
                    var entry: [String: JSONValue] = [:]
                    entry["reason"] = cause.reason.map(JSONValue.string)
                    entry["message"] = cause.message.map(JSONValue.string)
                    entry["field"] = cause.field.map(JSONValue.string)
                    return .object(entry)
                })
        }
        return .object(body)
    }
}
