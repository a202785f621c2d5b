import APIServer
import KubernetesAPI

/// `batch/v1` `Job`
enum JobKind {
    static let definition = ResourceDefinition(
        type: ResourceType(group: "batch", version: "v1", kind: "Job", plural: "jobs"), categories: ["all"],
        schema: JobSchema.job, columns: JobSchema.columns, subresources: [.status],
        selectableFields: [
            SelectableField("status.successful") {
                $0[path: ["status", "succeeded"]]?.integerValue.map(String.init) ?? "0"
            }
        ],
        hasGeneration: true, strategy: JobStrategy())
}
