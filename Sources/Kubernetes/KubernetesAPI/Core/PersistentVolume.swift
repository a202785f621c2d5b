/// `v1` `PersistentVolume`
public struct PersistentVolume: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "PersistentVolume", plural: "persistentvolumes", isNamespaced: false)

    public var apiVersion: String? = "v1"
    public var kind: String? = "PersistentVolume"
    public var metadata: ObjectMeta
    public var spec: PersistentVolumeSpec?
    public var status: PersistentVolumeStatus?

    public init(metadata: ObjectMeta, spec: PersistentVolumeSpec? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}

public struct PersistentVolumeSpec: Codable, Hashable, Sendable {
    public var capacity: [String: Quantity]?
    public var accessModes: [String]?
    /// `Delete` or `Retain`
    public var persistentVolumeReclaimPolicy: String?
    public var storageClassName: String?
    public var volumeMode: String?
    public var claimRef: ObjectReference?
    public var hostPath: HostPathVolumeSource?
    public init() {}
}

public struct PersistentVolumeStatus: Codable, Hashable, Sendable {
    /// `Pending`, `Available`, `Bound`, `Released`, `Failed`
    public var phase: String?
    public init(phase: String? = nil) { self.phase = phase }
}

/// `storage.k8s.io/v1` `StorageClass`
public struct StorageClass: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        group: "storage.k8s.io", version: "v1", kind: "StorageClass", plural: "storageclasses",
        isNamespaced: false)

    public var apiVersion: String? = "storage.k8s.io/v1"
    public var kind: String? = "StorageClass"
    public var metadata: ObjectMeta
    public var provisioner: String
    public var reclaimPolicy: String?
    public var volumeBindingMode: String?

    public init(metadata: ObjectMeta, provisioner: String) {
        self.metadata = metadata
        self.provisioner = provisioner
    }

    /// Whether claims that name no class get this one.
    public var isDefault: Bool {
        metadata.annotations?["storageclass.kubernetes.io/is-default-class"] == "true"
    }
}
