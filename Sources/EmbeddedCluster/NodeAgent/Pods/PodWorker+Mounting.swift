import FoundationEssentials
import KubernetesAPI

/// Failure to bring a pod's volumes, in the words of a kubelet's event. The pod's status has no word of it.
struct VolumeFailure: Error, Codable, Hashable, Sendable {
    var note: String
    /// Number of this failure in a row, from 1.
    var failures = 1

    static let reason = "FailedMount"

    /// Failure to fill a volume or to mount it.
    static func setUp(_ volume: String, _ cause: any Error) -> VolumeFailure {
        VolumeFailure(note: "MountVolume.SetUp failed for volume \"\(volume)\" : \(cause)")
    }

    /// Failure to find out what a claim stands for.
    static func claim(_ claim: String, of volume: String, namespace: String, _ cause: any Error)
        -> VolumeFailure
    {
        VolumeFailure(
            note: "Unable to attach or mount volumes: unmounted volumes=[\(volume)], unattached volumes=[], "
                + "failed to process volumes=[\(volume)]: error processing PVC \(namespace)/\(claim): \(cause)"
        )
    }

    /// Seconds until a kubelet tries again: twice as long each time, up to 2 min 2 s.
    var pause: Int64 { failures > 7 ? 122 : 1 << Int64(max(0, failures - 1)) }
}

extension PodWorker {
    /// Brings all volumes of the pod, once, and returns the objects that its containers are configured with; nil
    /// where something is missing, which is tried again later.
    func mountVolumes(before container: String) async -> NamespaceObjects? {
        let failure: VolumeFailure
        do {
            let objects = try await fetchObjects()
            try await prepareVolumes(objects: objects)
            state.volumeFailure = nil
            return objects
        } catch let error as VolumeFailure {
            failure = error
        } catch {
            guard !isPrepared else { return refuse(container, error) }
            failure = .setUp((state.spec.volumes ?? []).first?.name ?? "", error)
        }
        // Nobody tries so often that the number would not do.
        let failures = min(state.volumeFailure?.failures ?? 0, 1_000_000) + 1
        let next = VolumeFailure(note: failure.note, failures: failures)
        let start = now.advanced(by: next.pause)
        state.volumeFailure = next
        state.records[container]?.notBefore = start
        return nil
    }

    /// Has a container of a pod that has its volumes wait for what its variables are made of.
    private func refuse(_ container: String, _ error: any Error) -> NamespaceObjects? {
        state.records[container]?.state = .waiting(reason: "CreateContainerConfigError", message: "\(error)")
        state.records[container]?.notBefore = now.advanced(by: 2)
        return nil
    }

    private func prepareVolumes(objects: NamespaceObjects) async throws {
        guard !isPrepared else { return }
        let files = PodFiles(folder: folder)
        hostAliases = context.cluster.hostAliases(namespace: state.pod.namespace)
        let users =
            state.containers.compactMap { $0.securityContext?.runAsUser }
            + [state.spec.securityContext?.runAsUser ?? SandboxPlan.nonRootUser, SandboxPlan.nonRootUser]
        try files.writeEtc(hostname: hostname, hosts: hostsText, users: Set(users))
        for volume in state.spec.volumes ?? [] {
            if volume.emptyDir != nil { try files.makeEmpty(volume: volume.name) }
            guard let claim = volume.persistentVolumeClaim else { continue }
            do {
                try VolumeFiles.checkFolder(try await folder(of: claim))
            } catch let error as HostFolderError {
                throw VolumeFailure.setUp(error.volume, error)
            } catch {
                throw VolumeFailure.claim(
                    claim.claimName, of: volume.name, namespace: state.pod.namespace, error)
            }
        }
        try await writeObjectVolumes(objects)
        isPrepared = true
    }

    /// The host folder behind a claim.
    func folder(of claim: PersistentVolumeClaimVolumeSource) async throws -> String {
        if let known = claimFolders[claim.claimName] { return known }
        let path = try await context.cluster.folder(
            ofClaim: claim.claimName, namespace: state.pod.namespace)
        claimFolders[claim.claimName] = path
        return path
    }
}

/// A path of the host that should be a folder and is none.
struct HostFolderError: Error, CustomStringConvertible {
    var path: String
    var description: String { "hostPath type check failed: \(path) is not a directory" }
    /// Name of the volume that lives there: its provisioner names folders after volumes.
    var volume: String { path.split(separator: "/").last.map(String.init) ?? path }
}

extension VolumeFiles {
    /// Makes a volume's folder if nothing is there, as type `DirectoryOrCreate` asks.
    static func checkFolder(_ path: String) throws {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            return try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        guard isFolder else { throw HostFolderError(path: path) }
    }
}
