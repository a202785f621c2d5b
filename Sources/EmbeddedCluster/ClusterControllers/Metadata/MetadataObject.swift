import KubernetesAPI

/// An object of any kind of which only the metadata is read. Its reader knows the type.
struct MetadataObject: KubernetesResource, Hashable {
    /// Type that is never used in requests: these name the real one.
    static let resourceType = ResourceType(
        group: "meta.k8s.io", version: "v1", kind: "PartialObjectMetadata", plural: "partialobjectmetadata")

    var metadata: ObjectMeta
}
