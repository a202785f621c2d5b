import AnnealAPI
import KubernetesAPI

/// The volume that a run's stages share.
enum WorkspaceClaim {
    static let defaultSize: WrittenQuantity = "20Gi"

    /// Name of the run's claim: its own, or the one that it took over from a run that it continues. A volume that was
    /// lost is followed by one of another name.
    static func name(_ run: RunObject, _ status: TrainingJobStatus) -> String {
        let generation = status.workspaceGeneration ?? 1
        guard generation <= 1 else { return ChildName.make(run.name, "workspace", String(generation)) }
        return status.continuedFrom?.volume?.name ?? ChildName.make(run.name, "workspace")
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
