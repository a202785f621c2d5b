public struct VolumeMount: Codable, Hashable, Sendable {
    public var name: String
    public var mountPath: String
    public var subPath: String?
    public var readOnly: Bool?

    public init(name: String, mountPath: String, subPath: String? = nil, readOnly: Bool? = nil) {
        self.name = name
        self.mountPath = mountPath
        self.subPath = subPath
        self.readOnly = readOnly
    }
}

/// A pod's volume; exactly one source is set.
public struct Volume: Codable, Hashable, Sendable {
    public var name: String
    public var emptyDir: EmptyDirVolumeSource?
    public var persistentVolumeClaim: PersistentVolumeClaimVolumeSource?
    public var configMap: ConfigMapVolumeSource?
    public var secret: SecretVolumeSource?
    public var projected: ProjectedVolumeSource?
    public var downwardAPI: DownwardAPIVolumeSource?
    public var hostPath: HostPathVolumeSource?
    public var ephemeral: EphemeralVolumeSource?

    public init(name: String) { self.name = name }

    public init(name: String, emptyDir: EmptyDirVolumeSource) {
        self.name = name
        self.emptyDir = emptyDir
    }

    public init(name: String, claim: String, readOnly: Bool? = nil) {
        self.name = name
        persistentVolumeClaim = PersistentVolumeClaimVolumeSource(claimName: claim, readOnly: readOnly)
    }

    public init(name: String, configMap: String) {
        self.name = name
        self.configMap = ConfigMapVolumeSource(name: configMap)
    }

    public init(name: String, secret: String) {
        self.name = name
        self.secret = SecretVolumeSource(secretName: secret)
    }
}

extension Volume {
    /// Name of the claim behind the volume; nil for one without.
    ///
    /// - Parameter pod: Name of the pod: the claim of a generic ephemeral volume is made for it.
    public func claimName(in pod: String) -> String? {
        persistentVolumeClaim?.claimName ?? (ephemeral == nil ? nil : "\(pod)-\(name)")
    }
}

/// A claim that is made for a pod and goes with it.
public struct EphemeralVolumeSource: Codable, Hashable, Sendable {
    public var volumeClaimTemplate: PersistentVolumeClaimTemplate?
    public init(volumeClaimTemplate: PersistentVolumeClaimTemplate?) {
        self.volumeClaimTemplate = volumeClaimTemplate
    }
}

public struct PersistentVolumeClaimTemplate: Codable, Hashable, Sendable {
    /// Labels and annotations of the claim.
    public var metadata: ObjectMeta?
    public var spec: PersistentVolumeClaimSpec
    public init(metadata: ObjectMeta? = nil, spec: PersistentVolumeClaimSpec) {
        self.metadata = metadata
        self.spec = spec
    }
}

public struct EmptyDirVolumeSource: Codable, Hashable, Sendable {
    /// Empty, or `Memory`
    public var medium: String?
    public var sizeLimit: Quantity?
    public init(medium: String? = nil, sizeLimit: Quantity? = nil) {
        self.medium = medium
        self.sizeLimit = sizeLimit
    }
}

public struct PersistentVolumeClaimVolumeSource: Codable, Hashable, Sendable {
    public var claimName: String
    public var readOnly: Bool?
    public init(claimName: String, readOnly: Bool? = nil) {
        self.claimName = claimName
        self.readOnly = readOnly
    }
}

public struct ConfigMapVolumeSource: Codable, Hashable, Sendable {
    public var name: String?
    public var items: [KeyToPath]?
    public var defaultMode: Int64?
    public var optional: Bool?
    public init(name: String, items: [KeyToPath]? = nil) {
        self.name = name
        self.items = items
    }
}

public struct SecretVolumeSource: Codable, Hashable, Sendable {
    public var secretName: String?
    public var items: [KeyToPath]?
    public var defaultMode: Int64?
    public var optional: Bool?
    public init(secretName: String, items: [KeyToPath]? = nil) {
        self.secretName = secretName
        self.items = items
    }
}

public struct KeyToPath: Codable, Hashable, Sendable {
    public var key: String
    public var path: String
    public var mode: Int64?
    public init(key: String, path: String) {
        self.key = key
        self.path = path
    }
}

public struct ProjectedVolumeSource: Codable, Hashable, Sendable {
    public var sources: [VolumeProjection]?
    public var defaultMode: Int64?
    public init(sources: [VolumeProjection]) { self.sources = sources }
}

public struct VolumeProjection: Codable, Hashable, Sendable {
    public var serviceAccountToken: ServiceAccountTokenProjection?
    public var configMap: ConfigMapVolumeSource?
    public var secret: OptionalItems?
    public var downwardAPI: DownwardAPIVolumeSource?
    public init(
        serviceAccountToken: ServiceAccountTokenProjection? = nil, configMap: ConfigMapVolumeSource? = nil,
        secret: OptionalItems? = nil, downwardAPI: DownwardAPIVolumeSource? = nil
    ) {
        self.serviceAccountToken = serviceAccountToken
        self.configMap = configMap
        self.secret = secret
        self.downwardAPI = downwardAPI
    }
}

public struct OptionalItems: Codable, Hashable, Sendable {
    public var name: String?
    public var items: [KeyToPath]?
    public var optional: Bool?
    public init(name: String, items: [KeyToPath]? = nil, optional: Bool? = nil) {
        self.name = name
        self.items = items
        self.optional = optional
    }
}

public struct ServiceAccountTokenProjection: Codable, Hashable, Sendable {
    public var audience: String?
    public var expirationSeconds: Int64?
    public var path: String
    public init(path: String, expirationSeconds: Int64? = nil) {
        self.path = path
        self.expirationSeconds = expirationSeconds
    }
}

public struct DownwardAPIVolumeSource: Codable, Hashable, Sendable {
    public var items: [DownwardAPIVolumeFile]?
    public var defaultMode: Int64?
    public init(items: [DownwardAPIVolumeFile]) { self.items = items }
}

public struct DownwardAPIVolumeFile: Codable, Hashable, Sendable {
    public var path: String
    public var fieldRef: ObjectFieldSelector?
    public init(path: String, fieldPath: String) {
        self.path = path
        fieldRef = ObjectFieldSelector(fieldPath: fieldPath)
    }
}

public struct HostPathVolumeSource: Codable, Hashable, Sendable {
    public var path: String
    public var type: String?

    public init(path: String, type: String? = nil) {
        self.path = path
        self.type = type
    }
}

/// `v1` `PersistentVolumeClaim`
public struct PersistentVolumeClaim: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims")

    public var apiVersion: String? = "v1"
    public var kind: String? = "PersistentVolumeClaim"
    public var metadata: ObjectMeta
    public var spec: PersistentVolumeClaimSpec?
    public var status: PersistentVolumeClaimStatus?

    public init(metadata: ObjectMeta, spec: PersistentVolumeClaimSpec? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}

public struct PersistentVolumeClaimSpec: Codable, Hashable, Sendable {
    public var accessModes: [String]?
    public var storageClassName: String?
    public var volumeMode: String?
    public var volumeName: String?
    public var resources: ResourceRequirements?

    public init(accessModes: [String]?, storageClassName: String? = nil, resources: ResourceRequirements?) {
        self.accessModes = accessModes
        self.storageClassName = storageClassName
        self.resources = resources
    }
}

public struct PersistentVolumeClaimStatus: Codable, Hashable, Sendable {
    /// `Pending`, `Bound`, `Lost`
    public var phase: String?
    public var capacity: [String: Quantity]?
    public init(phase: String? = nil) { self.phase = phase }
}
