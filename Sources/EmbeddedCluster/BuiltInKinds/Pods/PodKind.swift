import APIServer
import KubernetesAPI

/// `Pod`
enum PodKind {
    static let definition = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "Pod", plural: "pods"), shortNames: ["po"],
        categories: ["all"],
        schema: PodSchema.pod, columns: PodColumns.all, subresources: [.status, .binding, .eviction, .log],
        selectableFields: [
            SelectableField("spec.nodeName"), SelectableField("spec.restartPolicy"),
            SelectableField("spec.schedulerName"), SelectableField("spec.serviceAccountName"),
            SelectableField("spec.hostNetwork", default: "false"), SelectableField("status.phase"),
            SelectableField("status.podIP"), SelectableField("status.nominatedNodeName"),
        ], hasGeneration: true, strategy: PodStrategy())
}
