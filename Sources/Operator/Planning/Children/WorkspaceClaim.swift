import AnnealAPI
import KubernetesAPI

/// The volume that a run's stages share.
enum WorkspaceClaim {
    static let defaultSize: WrittenQuantity = "20Gi"

    /// Name of the claim.
    ///
    /// - Parameter generation: Number of the volume, from 1; each that is lost is followed by another.
    static func name(_ run: RunObject, _ generation: Int) -> String {
        generation > 1
            ? ChildName.make(run.name, "workspace", String(generation))
            : ChildName.make(run.name, "workspace")
    }

    static func make(_ run: RunObject, _ workspace: Workspace?, generation: Int) -> PersistentVolumeClaim {
        let size = (workspace?.size ?? defaultSize).quantity ?? Quantity(20 << 30)
        return PersistentVolumeClaim(
            metadata: run.metadata(name: name(run, generation)),
            spec: PersistentVolumeClaimSpec(
                accessModes: [workspace?.accessMode ?? "ReadWriteOnce"],
                storageClassName: workspace?.storageClassName,
                resources: ResourceRequirements(requests: ["storage": size])))
    }
}
