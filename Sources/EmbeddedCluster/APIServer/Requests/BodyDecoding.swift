import FoundationEssentials
import KubernetesAPI
import Yams

extension RequestContext {
    static let protobuf = "application/vnd.kubernetes.protobuf"

    /// The object in the body, complete with defaults and without unknown fields.
    ///
    /// Wrong syntax, another kind, and in strict mode unknown fields are refused.
    func decodeObject() throws(APIError) -> JSONValue {
        let value = try parseBody()
        return try accept(value)
    }

    /// The body as JSON, from JSON, YAML or protobuf.
    ///
    /// - Parameter isObject: whether it is to be an object of the request's kind, and not options of it
    func parseBody(isObject: Bool = true) throws(APIError) -> JSONValue {
        try checkMediaType()
        switch request.contentType {
        case "application/yaml": return try parseYAML()
        case Self.protobuf:
            do {
                return try ProtobufBody.decode(request.body)
            } catch {
                throw Self.unsupportedMediaType("\(error)")
            }
        default: return try parseJSON(isObject: isObject)
        }
    }

    /// Refuses a body of a media type that no object is sent in.
    func checkMediaType() throws(APIError) {
        guard let type = request.contentType,
            !["application/json", "application/yaml", Self.protobuf].contains(type)
        else { return }
        throw Self.unsupportedMediaType(
            "accepted media types include: application/json, application/yaml, \(Self.protobuf)")
    }

    private static func unsupportedMediaType(_ what: String) -> APIError {
        APIError(
            code: 415, reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format - \(what)")
    }

    private func parseJSON(isObject: Bool) throws(APIError) -> JSONValue {
        do {
            return try JSONValue(parsing: request.body)
        } catch {
            let problem = "couldn't get version/kind; json parse error: \(error)"
            guard isObject else { throw .badRequest(problem) }
            let shown = String(decoding: request.body.prefix(100), as: UTF8.self)
            throw .badRequest(
                "the object provided is unrecognized (must be of type \(type.kind)): \(problem) (\(shown))")
        }
    }

    func parseYAML() throws(APIError) -> JSONValue {
        do {
            return try JSONValue(parsingYAML: String(decoding: request.body, as: UTF8.self))
        } catch {
            throw .badRequest("error parsing YAML: \(error)")
        }
    }

    /// Checks that `value` is an object of this kind, prunes and defaults it.
    func accept(_ value: JSONValue) throws(APIError) -> JSONValue {
        guard value.objectValue != nil else {
            throw .badRequest(
                "the object provided is unrecognized (must be of type \(type.kind)): couldn't get version/kind; "
                    + "json parse error: the body is no JSON object")
        }
        var object = value
        try checkKind(&object)
        if resource.isCustom, let problem = ObjectMetaDecoding.problem(in: object["metadata"]) {
            throw .badRequest(
                "\(type.kind) in version \"\(type.version)\" cannot be handled as a \(type.kind): \(problem)")
        }
        try checkUnknownFields(&object)
        definition.schema.applyDefaults(to: &object)
        definition.strategy.applyDefaults(&object)
        if !resource.isCustom { object.omitVacant(definition.schema) }
        return object
    }

    private func checkKind(_ object: inout JSONValue) throws(APIError) {
        let kind = object["kind"]?.stringValue ?? type.kind
        let apiVersion = object["apiVersion"]?.stringValue ?? type.apiVersion
        if resource.isCustom { try checkCustomKind(object) }
        if kind != type.kind {
            let version = apiVersion.split(separator: "/").last.map(String.init) ?? apiVersion
            throw .badRequest(
                "\(kind) in version \"\(version)\" cannot be handled as a \(type.kind): converting "
                    + "(\(version).\(kind)) to (\(type.group.isEmpty ? "core" : type.group).\(type.kind)): "
                    + "unknown conversion")
        }
        if apiVersion != type.apiVersion { throw otherVersion(apiVersion) }
        object["kind"] = .string(kind)
        object["apiVersion"] = .string(apiVersion)
    }

    private func otherVersion(_ apiVersion: String) -> APIError {
        .badRequest(
            "the API version in the data (\(apiVersion)) does not match the expected API version "
                + "(\(type.apiVersion))")
    }

    /// Refuses a missing or another kind: a custom resource has no Go type that it could be read as.
    private func checkCustomKind(_ object: JSONValue) throws(APIError) {
        let kind = object["kind"]?.stringValue ?? ""
        guard !kind.isEmpty else {
            let text = String(decoding: request.body, as: UTF8.self)
            throw .badRequest(
                "the object provided is unrecognized (must be of type \(type.kind)): Object 'Kind' is missing "
                    + "in '\(text)' (\(text.prefix(30)) ...)")
        }
        let apiVersion = object["apiVersion"]?.stringValue ?? ""
        guard !apiVersion.isEmpty else { throw otherVersion(apiVersion) }
        guard kind != type.kind, apiVersion == type.apiVersion else { return }
        var named = type
        named.kind = kind
        throw .invalid(
            named, name: object.objectName, [.invalid("kind", .string(kind), "must be \(type.kind)")])
    }

    private func checkUnknownFields(_ object: inout JSONValue) throws(APIError) {
        let unknown = definition.schema.prune(&object).map { "unknown field \"\($0)\"" }
        guard !unknown.isEmpty else { return }
        switch fieldValidation {
        case .ignore: return
        case .warn: unknown.forEach(warnings.add)
        case .strict:
            throw .badRequest(
                "\(type.kind) in version \"\(type.version)\" cannot be handled as a \(type.kind): "
                    + "strict decoding error: \(unknown.joined(separator: ", "))")
        }
    }
}

extension JSONValue {
    /// Parses one YAML document: JSON's types only, no aliases beyond what Yams allows.
    init(parsingYAML text: String) throws {
        guard let node = try Yams.compose(yaml: text) else {
            self = .null
            return
        }
        self = try JSONValue(node, depth: 0)
    }

    private init(_ node: Yams.Node, depth: Int) throws {
        guard depth <= JSONValue.depthLimit else {
            throw YAMLTooDeep()
        }
        switch node {
        case .scalar(let scalar): self = JSONValue(scalar)
        case .sequence(let sequence):
            self = .array(try sequence.map { try JSONValue($0, depth: depth + 1) })
        case .mapping(let mapping):
            var members: [String: JSONValue] = [:]
            for (key, value) in mapping {
                members[key.string ?? ""] = try JSONValue(value, depth: depth + 1)
            }
            self = .object(members)
        case .alias: self = .null
        }
    }

    private init(_ scalar: Yams.Node.Scalar) {
        let text = scalar.string
        guard scalar.style == .plain || scalar.style == .any else {
            self = .string(text)
            return
        }
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .bool(true)
        case "false", "False", "FALSE": self = .bool(false)
        default:
            if let integer = Int64(text) {
                self = .integer(integer)
            } else if text.utf8.first.map({ (0x2B...0x39).contains($0) }) == true, let number = Double(text),
                number.isFinite
            {
                self = .number(number)
            } else {
                self = .string(text)
            }
        }
    }
}

private struct YAMLTooDeep: Error, CustomStringConvertible {
    var description: String { "nested deeper than \(JSONValue.depthLimit) levels" }
}
