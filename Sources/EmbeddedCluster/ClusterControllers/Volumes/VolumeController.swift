import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Makes a folder for each claim of the embedded cluster's storage class, binds the two, and removes the
/// folder once the claim is gone.
struct VolumeController: Sendable {
    let client: KubernetesClient
    let claims: Store<PersistentVolumeClaim>
    let volumes: Store<PersistentVolume>
    let classes: Store<StorageClass>
    let pods: Store<Pod>
    let folder: String
    /// Whether this controller also binds and protects claims, rather than the control plane.
    let binds: Bool

    func reconcile(claim key: ObjectKey) async throws -> Reconciliation {
        guard let claim = claims.get(key) else { return .done }
        if claim.metadata.deletionTimestamp != nil {
            if binds { try await release(claim) }
            return .done
        }
        switch ClaimBinding.decide(claim, volumes: volumes.list(), classes: classes.list(), folder: folder) {
        case .nothing: break
        case .provision(let volume): try await provision(volume)
        case .bind(let volume): if binds { try await bind(claim, to: volume) }
        case .markBound(let capacity): if binds { try await markBound(claim, capacity: capacity) }
        case .markLost: if binds { try await markLost(claim) }
        }
        return .done
    }

    private func provision(_ volume: PersistentVolume) async throws {
        if let path = volume.spec?.hostPath?.path {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
        }
        do {
            try await client.create(volume)
        } catch {
            guard error.isAlreadyExists else { throw error }
        }
    }

    private func bind(_ claim: PersistentVolumeClaim, to volume: PersistentVolume) async throws {
        var finalizers = claim.metadata.finalizers ?? []
        if !finalizers.contains(ClaimBinding.protection) { finalizers.append(ClaimBinding.protection) }
        let patch: JSONValue = [
            "metadata": [
                "resourceVersion": .string(claim.metadata.resourceVersion ?? ""),
                "finalizers": try JSONValue(encoding: finalizers),
                "annotations": [
                    "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
                    "volume.kubernetes.io/storage-provisioner": .string(ClaimBinding.provisioner),
                ],
            ],
            "spec": [
                "volumeName": .string(volume.name),
                // A claim that named no class shows the one that it got.
                "storageClassName": .string(volume.spec?.storageClassName ?? ""),
            ],
        ]
        _ = try await client.patch(PersistentVolumeClaim.self, claim.key, .merge(patch))
    }

    private func markBound(_ claim: PersistentVolumeClaim, capacity: [String: Quantity]) async throws {
        let status: JSONValue = [
            "phase": "Bound", "capacity": try JSONValue(encoding: capacity),
            "accessModes": try JSONValue(encoding: claim.spec?.accessModes ?? []),
        ]
        _ = try await client.patch(
            PersistentVolumeClaim.self, claim.key, .merge(["status": status]), subresource: "status")
        guard let name = claim.spec?.volumeName else { return }
        _ = try await client.patch(
            PersistentVolume.self, ObjectKey(name: name), .merge(["status": ["phase": "Bound"]]),
            subresource: "status")
    }

    /// Says of a claim that its volume is gone, once the API server says so, too.
    private func markLost(_ claim: PersistentVolumeClaim) async throws {
        let key = ObjectKey(name: claim.spec?.volumeName ?? "")
        guard try await client.find(PersistentVolume.self, key)?.spec?.claimRef?.uid != claim.metadata.uid
        else {
            return
        }
        _ = try await client.patch(
            PersistentVolumeClaim.self, claim.key, .merge(["status": ["phase": "Lost"]]),
            subresource: "status")
    }

    /// Lets a claim go once no pod uses it.
    private func release(_ claim: PersistentVolumeClaim) async throws {
        guard claim.metadata.finalizers?.contains(ClaimBinding.protection) == true,
            ClaimBinding.isUnused(claim, pods: pods.list(namespace: claim.namespace))
        else { return }
        let kept = (claim.metadata.finalizers ?? []).filter { $0 != ClaimBinding.protection }
        let patch: JSONValue = [
            "metadata": [
                "resourceVersion": .string(claim.metadata.resourceVersion ?? ""),
                "finalizers": try JSONValue(encoding: kept),
            ]
        ]
        do {
            _ = try await client.patch(PersistentVolumeClaim.self, claim.key, .merge(patch))
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    /// Makes the claims of a pod's generic ephemeral volumes, which go with the pod.
    func reconcile(pod key: ObjectKey) async throws -> Reconciliation {
        guard binds, let pod = pods.get(key), pod.metadata.deletionTimestamp == nil, !pod.isFinished else {
            return .done
        }
        for claim in ClaimBinding.claims(ofEphemeralVolumesOf: pod) where claims.get(claim.key) == nil {
            do {
                try await client.create(claim)
            } catch {
                // The scheduler refuses a pod whose claim is another's.
                guard error.isAlreadyExists else { throw error }
            }
        }
        return .done
    }

    /// Reclaims the volume of a claim that is gone.
    func reconcile(volume name: String) async throws -> Reconciliation {
        guard let volume = volumes.get(ObjectKey(name: name)), let claim = volume.spec?.claimRef,
            volume.metadata.annotations?["pv.kubernetes.io/provisioned-by"] == ClaimBinding.provisioner
        else { return .done }
        let key = ObjectKey(namespace: claim.namespace ?? "", name: claim.name ?? "")
        if try await isThere(key, uid: claim.uid) { return .done }
        guard volume.spec?.persistentVolumeReclaimPolicy == "Delete" else {
            if volume.status?.phase != "Released" {
                _ = try await client.patch(
                    PersistentVolume.self, volume.key, .merge(["status": ["phase": "Released"]]),
                    subresource: "status")
            }
            return .done
        }
        if let path = volume.spec?.hostPath?.path, path == "\(folder)/\(name)" {
            try? FileManager.default.removeItem(atPath: path)
        }
        do {
            try await client.delete(
                PersistentVolume.self, volume.key, options: DeleteOptions(uid: volume.metadata.uid))
        } catch {
            guard error.isNotFound else { throw error }
        }
        return .done
    }

    private func isThere(_ key: ObjectKey, uid: String?) async throws -> Bool {
        try await client.find(PersistentVolumeClaim.self, key).map { $0.metadata.uid == uid } ?? false
    }

    /// Creates the default class, unless there is one of that name.
    func ensureStorageClass(_ name: String) async throws {
        var storageClass = StorageClass(
            metadata: ObjectMeta(
                name: name, annotations: ["storageclass.kubernetes.io/is-default-class": "true"]),
            provisioner: ClaimBinding.provisioner)
        storageClass.reclaimPolicy = "Delete"
        storageClass.volumeBindingMode = "Immediate"
        guard try await client.find(StorageClass.self, storageClass.key) == nil else { return }
        try await client.create(storageClass)
    }
}
