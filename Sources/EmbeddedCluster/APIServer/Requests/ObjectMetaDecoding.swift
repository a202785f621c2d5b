import KubernetesAPI

/// The metadata of a custom resource is decoded into Go's structure, whatever its schema says: what does not
/// fit there is no question of validation.
enum ObjectMetaDecoding {
    private static let texts = ["name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"]
    private static let maps = ["labels", "annotations"]

    /// Message of Go's decoder about the first member that does not fit; nil if all do.
    static func problem(in metadata: JSONValue?) -> String? {
        guard let metadata, !metadata.isNull else { return nil }
        let fields = GoStruct("ObjectMeta", metadata)
        do throws(GoStruct.Mismatch) {
            for field in texts { _ = try fields.text(field) }
            for field in maps { _ = try fields.map(field) }
            _ = try fields.texts("finalizers")
            return nil
        } catch {
            return error.message
        }
    }
}
