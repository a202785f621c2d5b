import KubernetesAPI
import Scheduling

/// Binding of a claim to its volume: pure decisions of the provisioner.
public enum ClaimBinding {
    public static let provisioner = "anneal.dev/host-folder"
    static let protection = "kubernetes.io/pvc-protection"

    public enum Decision: Hashable, Sendable {
        case nothing
        /// Create this volume, then bind.
        case provision(PersistentVolume)
        /// Write the volume's name into the claim.
        case bind(volume: PersistentVolume)
        /// Write into the claim's status that it is bound, with this capacity.
        case markBound(capacity: [String: Quantity])
        /// Write into the claim's status that its volume is gone.
        case markLost
    }

    /// The class that a claim names, or the default one; nil if another provisioner is meant.
    static func storageClass(of claim: PersistentVolumeClaim, in classes: [StorageClass]) -> StorageClass? {
        let name = claim.spec?.storageClassName
        let chosen = classes.first { name == nil ? $0.isDefault : $0.name == name }
        return chosen?.provisioner == provisioner ? chosen : nil
    }

    /// - Parameter folder: folder of the volumes on this machine.
    public static func decide(
        _ claim: PersistentVolumeClaim, volumes: [PersistentVolume], classes: [StorageClass], folder: String
    ) -> Decision {
        guard claim.metadata.deletionTimestamp == nil, let uid = claim.metadata.uid else { return .nothing }
        if let name = claim.spec?.volumeName, !name.isEmpty {
            let phase = claim.status?.phase
            guard let volume = volumes.first(where: { $0.name == name }), volume.spec?.claimRef?.uid == uid
            else { return phase == "Bound" ? .markLost : .nothing }
            guard phase != "Bound" else { return .nothing }
            return .markBound(capacity: volume.spec?.capacity ?? [:])
        }
        if let volume = volumes.first(where: { $0.spec?.claimRef?.uid == uid }) {
            return .bind(volume: volume)
        }
        guard let storageClass = storageClass(of: claim, in: classes) else { return .nothing }
        return .provision(volume(for: claim, uid: uid, storageClass: storageClass, folder: folder))
    }

    private static func volume(
        for claim: PersistentVolumeClaim, uid: String, storageClass: StorageClass, folder: String
    ) -> PersistentVolume {
        let name = "pvc-\(uid)"
        var spec = PersistentVolumeSpec()
        spec.capacity = claim.spec?.resources?.requests?["storage"].map { ["storage": $0] }
        spec.accessModes = claim.spec?.accessModes
        spec.persistentVolumeReclaimPolicy = storageClass.reclaimPolicy ?? "Delete"
        spec.storageClassName = storageClass.name
        spec.volumeMode = claim.spec?.volumeMode ?? "Filesystem"
        spec.claimRef = claim.reference
        spec.hostPath = HostPathVolumeSource(path: "\(folder)/\(name)", type: "DirectoryOrCreate")
        return PersistentVolume(
            metadata: ObjectMeta(
                name: name, annotations: ["pv.kubernetes.io/provisioned-by": provisioner]), spec: spec)
    }

    /// Claims that a pod's generic ephemeral volumes ask for, with the pod as their owner.
    public static func claims(ofEphemeralVolumesOf pod: Pod) -> [PersistentVolumeClaim] {
        (pod.spec?.volumes ?? []).compactMap { volume in
            guard let template = volume.ephemeral?.volumeClaimTemplate, let owner = pod.controllerReference,
                let name = volume.claimName(in: pod.name)
            else { return nil }
            return PersistentVolumeClaim(
                metadata: ObjectMeta(
                    name: name, namespace: pod.namespace, labels: template.metadata?.labels,
                    annotations: template.metadata?.annotations, ownerReferences: [owner]),
                spec: template.spec)
        }
    }

    /// Whether a claim that is being deleted may go: no pod that a node took uses it, not even one that has ended, as
    /// in kube-controller-manager's pvc-protection.
    public static func isUnused(_ claim: PersistentVolumeClaim, pods: [Pod]) -> Bool {
        !pods.contains { pod in
            pod.namespace == claim.namespace && pod.spec?.nodeName?.isEmpty == false
                && (pod.spec?.volumes ?? []).contains { $0.claimName(in: pod.name) == claim.name }
        }
    }
}
