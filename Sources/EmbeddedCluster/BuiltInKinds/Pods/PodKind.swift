import APIServer
import KubernetesAPI

/// `Pod`
enum PodKind {
    static let definition = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "Pod", plural: "pods"), shortNames: ["po"],
        categories: ["all"],
        schema: PodSchema.pod, columns: PodColumns.all, subresources: [.status, .binding, .eviction, .log],
        unsupportedSubresources: unsupported,
        selectableFields: [
            SelectableField("spec.nodeName"), SelectableField("spec.restartPolicy"),
            SelectableField("spec.schedulerName"), SelectableField("spec.serviceAccountName"),
            SelectableField("spec.hostNetwork", default: "false"), SelectableField("status.phase"),
            SelectableField("status.podIP"), SelectableField("status.nominatedNodeName"),
        ], hasGeneration: true, strategy: PodStrategy())

    /// Containers are processes of this machine, which its own tools reach better than streams through an API.
    private static let unsupported: [String: String] = {
        let processes =
            "a container is a process of this machine; kubectl logs shows its output, and ps and the tools of "
            + "this machine the rest"
        return [
            "exec": processes, "attach": processes, "ephemeralcontainers": processes,
            "portforward":
                "a pod listens on this machine, on the address in its status.podIP; connect to that",
            "proxy": "a pod listens on this machine, on the address in its status.podIP; connect to that",
            "resize": "delete the pod, and create it with other resources",
        ]
    }()
}
