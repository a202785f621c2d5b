import AnnealAPI
import KubernetesAPI

/// A Secret of a run as agents get it: files of a volume that no other container mounts, which the kubelet writes
/// anew when the Secret changes. None of it is in an environment, which a process shows to whoever reads `/proc`.
///
/// Every key is optional for the kubelet: the agent says what is missing, and what to do, where the kubelet would
/// leave the pod without a word.
struct AgentSecret {
    private static let mode: Int64 = 0o440

    private var volume: Volume
    private var path: String
    /// Variable that tells the agent the folder.
    private var variable: String

    /// Keys of S3; nil without a Secret.
    static func storage(_ storage: StorageConnection?) -> AgentSecret? {
        named(
            storage?.credentialsSecretName, "storage-secret", SecretPath.storage,
            EnvironmentName.storageSecret,
            keys: [SecretKey.accessKey, SecretKey.secretKey, SecretKey.sessionToken, SecretKey.allowedHosts])
    }

    /// Credentials of the registry; nil without a Secret.
    static func registration(_ registration: Registration?) -> AgentSecret? {
        registry(
            registration,
            keys: [SecretKey.username, SecretKey.password, SecretKey.token, SecretKey.allowedHosts])
    }

    /// What the registry's Secret says of where it may go, and none of its credentials; nil without a Secret.
    static func registrationPermission(_ registration: Registration?) -> AgentSecret? {
        registry(registration, keys: [SecretKey.allowedHosts])
    }

    /// What Secrets say of whether users' programs may have them, and none of their values; nil without any.
    static func programPermissions(_ secrets: [NamedSecret]) -> AgentSecret? {
        guard !secrets.isEmpty else { return nil }
        var volume = Volume(name: "program-secrets")
        var source = ProjectedVolumeSource(
            sources: secrets.map { secret in
                let item = KeyToPath(
                    key: SecretKey.allowedInPrograms, path: "\(secret.name)/\(SecretKey.allowedInPrograms)")
                return VolumeProjection(
                    secret: OptionalItems(name: secret.name, items: [item], optional: true))
            })
        source.defaultMode = mode
        volume.projected = source
        return AgentSecret(
            volume: volume, path: SecretPath.programs, variable: EnvironmentName.programSecrets)
    }

    private static func registry(_ registration: Registration?, keys: [String]) -> AgentSecret? {
        named(
            registration?.credentialsSecretName, "registration-secret", SecretPath.registration,
            EnvironmentName.registrationSecret, keys: keys)
    }

    private static func named(
        _ name: String?, _ volumeName: String, _ path: String, _ variable: String, keys: [String]
    ) -> AgentSecret? {
        guard let name else { return nil }
        var source = SecretVolumeSource(secretName: name, items: keys.map { KeyToPath(key: $0, path: $0) })
        source.optional = true
        source.defaultMode = mode
        var volume = Volume(name: volumeName)
        volume.secret = source
        return AgentSecret(volume: volume, path: path, variable: variable)
    }

    /// Adds the Secret to a pod, for one of its agents.
    func give(to container: inout Container, in pod: inout PodSpec) {
        container.env = (container.env ?? []) + [EnvVar(name: variable, value: path)]
        container.volumeMounts =
            (container.volumeMounts ?? []) + [VolumeMount(name: volume.name, mountPath: path, readOnly: true)]
        guard pod.volumes?.contains(where: { $0.name == volume.name }) != true else { return }
        pod.volumes = (pod.volumes ?? []) + [volume]
    }
}

/// The service account of agents' pods, by which a cloud gives them an identity.
enum AgentIdentity {
    /// Annotation by which the webhooks of IAM roles for service accounts, and of EKS pod identity, leave
    /// containers out.
    private static let skipped = "eks.amazonaws.com/skip-containers"

    /// Annotations that keep the identity from users' programs of a pod.
    static func annotations(hiddenFrom programs: [String]) -> [String: String] {
        [skipped: programs.joined(separator: ",")]
    }
}
