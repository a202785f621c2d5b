import KubernetesAPI
import StructuralSchema

extension Schema {
    /// Causes for which a cluster would not store an object as it is: unknown fields first, then the schema's
    /// errors about it with its defaults.
    func findings(in object: JSONValue) -> [String] {
        var declared = object
        declared["metadata"] = nil
        let unknown = unknownFields(in: declared).map { "unknown field \"\($0)\"" }
        var stored = object
        applyDefaults(to: &stored)
        return unknown + validate(stored, old: nil).map(\.description)
    }
}
