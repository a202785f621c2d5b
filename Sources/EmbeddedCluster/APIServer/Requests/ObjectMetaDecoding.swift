import KubernetesAPI
import ObjectPatching

/// The metadata of a custom resource is decoded into Go's structure, whatever its schema says: what does not
/// fit there is no question of validation.
enum ObjectMetaDecoding {
    private static let texts = ["name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"]
    private static let maps = ["labels", "annotations"]

    /// Message of Go's decoder about the first member that does not fit; nil if all do.
    static func problem(in metadata: JSONValue?) -> String? {
        guard let metadata, !metadata.isNull else { return nil }
        for field in texts {
            if let found = mismatch(metadata[field], "string", at: field, { $0.stringValue != nil }) {
                return found
            }
        }
        for field in maps {
            let value = metadata[field]
            if let found = mismatch(value, "map[string]string", at: field, { $0.objectValue != nil }) {
                return found
            }
            for member in (value?.objectValue ?? [:]).values {
                if let found = mismatch(member, "string", at: field, { $0.stringValue != nil }) {
                    return found
                }
            }
        }
        let finalizers = metadata["finalizers"]
        if let found = mismatch(finalizers, "[]string", at: "finalizers", { $0.arrayValue != nil }) {
            return found
        }
        for name in finalizers?.arrayValue ?? [] {
            if let found = mismatch(name, "string", at: "finalizers", { $0.stringValue != nil }) {
                return found
            }
        }
        return nil
    }

    private static func mismatch(
        _ value: JSONValue?, _ type: String, at field: String, _ fits: (JSONValue) -> Bool
    ) -> String? {
        guard let value, !value.isNull, !fits(value) else { return nil }
        return "json: cannot unmarshal \(value.typeName) into Go struct field ObjectMeta.\(field) "
            + "of type \(type)"
    }
}
