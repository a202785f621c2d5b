import AnnealAPI
import KubernetesAPI
import StructuralSchema

extension CustomResourceDefinition {
    /// The definition of a document's kind; nil for a kind that is not Anneal's.
    static func of(_ document: JSONValue) -> CustomResourceDefinition? {
        all.first { $0.resourceType.kind == document["kind"]?.stringValue }
    }

    /// The document with its defaults, as a cluster stores it.
    func stored(_ document: JSONValue) -> JSONValue {
        var stored = document
        schema.applyDefaults(to: &stored)
        return stored
    }

    /// Causes for which a cluster refuses to store `document`: strict decoding first, then the schema.
    func refusals(of document: JSONValue, replacing old: JSONValue? = nil) -> [String] {
        var declared = document
        declared["metadata"] = nil
        let unknown = schema.unknownFields(in: declared).map { "unknown field \"\($0)\"" }
        guard unknown.isEmpty else { return unknown }
        return schema.validate(stored(document), old: old.map(stored)).map(\.description)
            .filter { !$0.contains("some validation rules were not checked") }
    }
}
