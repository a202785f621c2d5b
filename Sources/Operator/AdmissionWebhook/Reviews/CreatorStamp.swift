import AnnealAPI
import KubernetesAPI

/// The annotation with the creator of an object. It is stamped at the creation, with the user whom the server
/// names; nobody can write another one, then or later.
enum CreatorStamp {
    static let annotation = Anneal.Annotation.createdBy

    /// Value that the annotation must have; nil if it must be absent, as on objects older than the webhook.
    static func required(for request: AdmissionRequest) -> String? {
        switch request.operation {
        case .create: request.user.name
        case .update: value(in: request.oldObject)
        case .delete, .connect: nil
        }
    }

    /// The RFC 6902 operations that give the annotation its required value; empty if it has that value.
    static func patch(for request: AdmissionRequest) -> [JSONValue] {
        let required = required(for: request)
        guard value(in: request.object) != required else { return [] }
        let path = "/metadata/annotations"
        let member = "\(path)/\(escaped(annotation))"
        guard let required else { return [["op": "remove", "path": .string(member)]] }
        guard annotations(of: request.object) != nil else {
            return [
                ["op": "add", "path": .string(path), "value": [annotation: .string(required)]]
            ]
        }
        return [["op": "add", "path": .string(member), "value": .string(required)]]
    }

    /// The error of a wrong annotation, for the validating webhook: another webhook changed it, or the
    /// mutating one was missing. Nil if it is right.
    static func problem(in request: AdmissionRequest) -> FieldError? {
        let (found, required) = (value(in: request.object), required(for: request))
        guard found != required else { return nil }
        let field = "metadata.annotations[\(annotation)]"
        guard let required else {
            return .forbidden(field, "only Anneal's mutating webhook sets it; remove it")
        }
        return .invalid(
            field, found.map(JSONValue.string) ?? .null,
            "must be \(JSONValue.string(required).text), as Anneal's mutating webhook sets it; "
                + "see that its MutatingWebhookConfiguration is there and that no other webhook changes it")
    }

    private static func annotations(of object: JSONValue?) -> [String: JSONValue]? {
        object?[path: ["metadata", "annotations"]]?.objectValue
    }

    private static func value(in object: JSONValue?) -> String? {
        annotations(of: object)?[annotation]?.stringValue
    }

    /// The name escaped by RFC 6901.
    private static func escaped(_ name: String) -> String {
        var output = ""
        for character in name {
            switch character {
            case "~": output += "~0"
            case "/": output += "~1"
            default: output.append(character)
            }
        }
        return output
    }
}
