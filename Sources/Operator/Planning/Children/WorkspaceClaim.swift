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

    /// Name of the claim of the run's present volume. One of the training pod's own is that of its newest attempt.
    static func name(_ run: RunObject, _ spec: TrainingJobSpec, _ status: TrainingJobStatus) -> String {
        guard spec.hasOwnVolume else { return name(run, status) }
        return "\(TrainingGang.podName(run, attempt: status.trainingAttempts ?? 1, rank: 0))-"
            + PodVolumes.workspaceName
    }

    static func make(_ name: String, of run: RunObject, _ workspace: Workspace?) -> PersistentVolumeClaim {
        PersistentVolumeClaim(metadata: run.metadata(name: name), spec: claimSpec(workspace))
    }

    /// A volume of a pod's own, which is made and goes with the pod.
    static func ephemeral(_ run: RunObject, _ workspace: Workspace?, attempt: Int) -> Volume {
        var metadata = ObjectMeta()
        metadata.labels = run.labels(stage: "train", attempt: attempt)
        var volume = Volume(name: PodVolumes.workspaceName)
        volume.ephemeral = EphemeralVolumeSource(
            volumeClaimTemplate: PersistentVolumeClaimTemplate(
                metadata: metadata, spec: claimSpec(workspace)))
        return volume
    }

    private static func claimSpec(_ workspace: Workspace?) -> PersistentVolumeClaimSpec {
        let size = (workspace?.size ?? defaultSize).quantity ?? Quantity(20 << 30)
        return PersistentVolumeClaimSpec(
            accessModes: [workspace?.accessMode ?? "ReadWriteOnce"],
            storageClassName: workspace?.storageClassName,
            resources: ResourceRequirements(requests: ["storage": size]))
    }
}

extension TrainingJobSpec {
    /// Whether the training pod has a volume of its own, which no CPU stage before it can fill.
    var hasOwnVolume: Bool { workspace?.ephemeral == true && (trainer.numNodes ?? 1) <= 1 }
}
