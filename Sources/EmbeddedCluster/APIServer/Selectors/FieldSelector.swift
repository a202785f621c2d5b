import KubernetesAPI

/// A field selector: `metadata.name=x,spec.nodeName!=n1`.
struct FieldSelector: Sendable {
    struct Requirement: Sendable {
        var field: SelectableField
        var value: String
        var isEqual: Bool
    }

    var requirements: [Requirement] = []

    var isEmpty: Bool { requirements.isEmpty }

    init() {}

    /// - Parameter definition: says which fields may be named
    init(_ text: String, for definition: ResourceDefinition) throws(APIError) {
        for term in text.split(separator: ",") {
            let isEqual = !term.contains("!=")
            let operation = isEqual ? (term.contains("==") ? "==" : "=") : "!="
            guard let range = term.firstRange(of: operation) else {
                throw .badRequest("invalid selector: '\(text)'; can't understand '\(term)'")
            }
            let path = term[..<range.lowerBound].trimmingWhitespace()
            guard let field = Self.field(path, definition) else {
                throw .badRequest("field label not supported: \(path)")
            }
            requirements.append(
                Requirement(
                    field: field, value: term[range.upperBound...].trimmingWhitespace(), isEqual: isEqual))
        }
    }

    private static func field(_ path: String, _ definition: ResourceDefinition) -> SelectableField? {
        switch path {
        case "metadata.name": SelectableField("metadata.name")
        case "metadata.namespace" where definition.type.isNamespaced: SelectableField("metadata.namespace")
        default: definition.selectableFields.first { $0.path == path }
        }
    }

    func matches(_ object: JSONValue) -> Bool {
        requirements.allSatisfy { ($0.field.value(object) == $0.value) == $0.isEqual }
    }

    /// The one name that can match, where the selector says so: saves looking at the others.
    var name: String? {
        requirements.first { $0.field.path == "metadata.name" && $0.isEqual }?.value
    }
}
