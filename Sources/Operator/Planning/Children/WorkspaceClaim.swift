import AnnealAPI
import KubernetesAPI

/// The volume that a run's stages share.
enum WorkspaceClaim {
    static let defaultSize: WrittenQuantity = "20Gi"

    /// Name of the run's own claim, or of the one that it took over from a run that it continues.
    static func name(_ run: RunObject, _ status: TrainingJobStatus) -> String {
        status.continuedFrom?.volume?.name ?? ChildName.make(run.name, "workspace")
    }

    static func make(_ name: String, of run: RunObject, _ workspace: Workspace?) -> PersistentVolumeClaim {
        let size = (workspace?.size ?? defaultSize).quantity ?? Quantity(20 << 30)
        return PersistentVolumeClaim(
            metadata: run.metadata(name: name),
            spec: PersistentVolumeClaimSpec(
                accessModes: [workspace?.accessMode ?? "ReadWriteOnce"],
                storageClassName: workspace?.storageClassName,
                resources: ResourceRequirements(requests: ["storage": size])))
    }
}
