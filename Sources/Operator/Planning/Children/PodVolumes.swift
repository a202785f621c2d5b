import AnnealAPI
import KubernetesAPI

/// Volumes of pods, and where their containers mount them.
enum PodVolumes {
    static let workspaceName = "workspace"
    static let temporaryName = "tmp"
    static let sharedMemoryName = "shm"
    static let tokenName = "api-token"

    /// A file that shows an annotation of the pod. It is mounted at `/etc/anneal`.
    static func configuration(_ name: String, file: String, annotation: String) -> Volume {
        var volume = Volume(name: name)
        let fileName = file.split(separator: "/").last.map(String.init) ?? file
        volume.downwardAPI = DownwardAPIVolumeSource(items: [
            DownwardAPIVolumeFile(path: fileName, fieldPath: "metadata.annotations['\(annotation)']")
        ])
        return volume
    }

    static func configurationMount(_ name: String) -> VolumeMount {
        VolumeMount(name: name, mountPath: WorkspacePath.configuration, readOnly: true)
    }

    static var temporary: Volume { Volume(name: temporaryName, emptyDir: EmptyDirVolumeSource()) }
    static var temporaryMount: VolumeMount { VolumeMount(name: temporaryName, mountPath: "/tmp") }

    static func sharedMemory(_ size: Quantity?) -> Volume {
        Volume(name: sharedMemoryName, emptyDir: EmptyDirVolumeSource(medium: "Memory", sizeLimit: size))
    }

    static var sharedMemoryMount: VolumeMount { VolumeMount(name: sharedMemoryName, mountPath: "/dev/shm") }

    /// Mount of the whole workspace, for agents.
    static var workspaceMount: VolumeMount {
        VolumeMount(name: workspaceName, mountPath: WorkspacePath.root)
    }

    /// Mount of one folder of the workspace at its own path, for containers that see no more than they need.
    static func folderMount(_ path: String, readOnly: Bool) -> VolumeMount {
        VolumeMount(
            name: workspaceName, mountPath: path, subPath: inVolume(path), readOnly: readOnly ? true : nil)
    }

    /// Mounts of the folders that a training attempt writes to: they are the attempt's own, at the paths that
    /// every trainer knows.
    static func attemptMounts(_ attempt: Int) -> [VolumeMount] {
        [WorkspacePath.checkpoints, WorkspacePath.run, WorkspacePath.output].map { path in
            VolumeMount(
                name: workspaceName, mountPath: path,
                subPath: inVolume(WorkspacePath.ofAttempt(attempt, path)))
        }
    }

    private static func inVolume(_ path: String) -> String {
        String(path.dropFirst(WorkspacePath.root.count).drop { $0 == "/" })
    }

    /// Volume with the content of a service account's automatic mount, for one container only.
    static var serviceAccountToken: Volume {
        var volume = Volume(name: tokenName)
        var namespace = DownwardAPIVolumeFile(path: "namespace", fieldPath: "metadata.namespace")
        namespace.fieldRef?.apiVersion = "v1"
        var certificate = ConfigMapVolumeSource(
            name: "kube-root-ca.crt", items: [KeyToPath(key: "ca.crt", path: "ca.crt")])
        certificate.optional = nil
        volume.projected = ProjectedVolumeSource(sources: [
            VolumeProjection(
                serviceAccountToken: ServiceAccountTokenProjection(path: "token", expirationSeconds: 3600)),
            VolumeProjection(configMap: certificate),
            VolumeProjection(downwardAPI: DownwardAPIVolumeSource(items: [namespace])),
        ])
        return volume
    }

    static var serviceAccountTokenMount: VolumeMount {
        VolumeMount(
            name: tokenName, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true)
    }
}
