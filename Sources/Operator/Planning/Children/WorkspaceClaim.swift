import AnnealAPI
import KubernetesAPI

/// The volume that a run's stages share.
enum WorkspaceClaim {
    static let defaultSize: WrittenQuantity = "20Gi"

    static func name(_ run: RunObject) -> String { ChildName.make(run.name, "workspace") }

    static func make(_ run: RunObject, _ workspace: Workspace?) -> PersistentVolumeClaim {
        let size = (workspace?.size ?? defaultSize).quantity ?? Quantity(20 << 30)
        return PersistentVolumeClaim(
            metadata: run.metadata(name: name(run)),
            spec: PersistentVolumeClaimSpec(
                accessModes: [workspace?.accessMode ?? "ReadWriteOnce"],
                storageClassName: workspace?.storageClassName,
                resources: ResourceRequirements(requests: ["storage": size])))
    }
}
