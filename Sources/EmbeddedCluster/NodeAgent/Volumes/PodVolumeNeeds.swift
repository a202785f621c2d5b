import KubernetesAPI

/// Objects and tokens to fetch before a pod's containers can be configured.
public struct PodVolumeNeeds: Hashable, Sendable {
    public var configMaps: Set<String> = []
    public var secrets: Set<String> = []
    public var claims: Set<String> = []
    public var tokens: Set<ServiceAccountTokenProjection> = []

    public init(of spec: PodSpec) {
        for volume in spec.volumes ?? [] { add(volume) }
        for container in (spec.initContainers ?? []) + spec.containers { add(container) }
        configMaps.remove("")
        secrets.remove("")
    }

    private mutating func add(_ volume: Volume) {
        if let source = volume.configMap { configMaps.insert(source.name ?? "") }
        if let source = volume.secret { secrets.insert(source.secretName ?? "") }
        if let source = volume.persistentVolumeClaim { claims.insert(source.claimName) }
        for source in volume.projected?.sources ?? [] {
            if let map = source.configMap { configMaps.insert(map.name ?? "") }
            if let secret = source.secret { secrets.insert(secret.name ?? "") }
            if let token = source.serviceAccountToken { tokens.insert(token) }
        }
    }

    private mutating func add(_ container: Container) {
        for source in container.envFrom ?? [] {
            if let reference = source.configMapRef { configMaps.insert(reference.name ?? "") }
            if let reference = source.secretRef { secrets.insert(reference.name ?? "") }
        }
        for variable in container.env ?? [] {
            if let selector = variable.valueFrom?.configMapKeyRef { configMaps.insert(selector.name ?? "") }
            if let selector = variable.valueFrom?.secretKeyRef { secrets.insert(selector.name ?? "") }
        }
    }
}

extension Pod {
    static let tokenMountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// The pod with a volume for its service account's token, unless the API server's admission has settled
    /// that: the pod then has an account's name.
    func addingServiceAccountToken() -> Pod {
        guard var spec, spec.automountServiceAccountToken != false, (spec.serviceAccountName ?? "").isEmpty
        else {
            return self
        }
        let name = "kube-api-access"
        func mounting(_ containers: [Container]) -> [Container] {
            containers.map { container in
                var container = container
                let mounts = container.volumeMounts ?? []
                if !mounts.contains(where: { $0.mountPath == Self.tokenMountPath }) {
                    container.volumeMounts =
                        mounts + [VolumeMount(name: name, mountPath: Self.tokenMountPath, readOnly: true)]
                }
                return container
            }
        }
        let all = (spec.initContainers ?? []) + spec.containers
        guard
            !all.allSatisfy({ ($0.volumeMounts ?? []).contains { $0.mountPath == Self.tokenMountPath } })
        else { return self }
        spec.containers = mounting(spec.containers)
        spec.initContainers = spec.initContainers.map(mounting)
        var volume = Volume(name: name)
        volume.projected = ProjectedVolumeSource.serviceAccount
        spec.volumes = (spec.volumes ?? []) + [volume]
        var pod = self
        pod.spec = spec
        return pod
    }
}

extension ProjectedVolumeSource {
    /// Source of token, certificate authority and namespace, as the ServiceAccount admission plugin projects
    /// them.
    static var serviceAccount: ProjectedVolumeSource {
        var token = VolumeProjection()
        token.serviceAccountToken = ServiceAccountTokenProjection(path: "token", expirationSeconds: 3607)
        var authority = VolumeProjection()
        authority.configMap = ConfigMapVolumeSource(
            name: "kube-root-ca.crt", items: [KeyToPath(key: "ca.crt", path: "ca.crt")])
        var namespace = VolumeProjection()
        namespace.downwardAPI = DownwardAPIVolumeSource(
            items: [
                DownwardAPIVolumeFile(
                    path: "namespace", fieldPath: "metadata.namespace")
            ])
        return ProjectedVolumeSource(sources: [token, authority, namespace])
    }
}
