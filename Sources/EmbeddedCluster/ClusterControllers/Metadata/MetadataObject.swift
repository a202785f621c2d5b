import KubernetesAPI

/// An object of any kind of which only the metadata is read. Its type is known by who asked for it.
struct MetadataObject: KubernetesResource, Hashable {
    /// Never used for requests: these name the real type.
    static let resourceType = ResourceType(
        group: "meta.k8s.io", version: "v1", kind: "PartialObjectMetadata", plural: "partialobjectmetadata")

    var metadata: ObjectMeta
}
