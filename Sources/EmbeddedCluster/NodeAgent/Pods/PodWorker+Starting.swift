import FoundationEssentials
import Glibc
import KubernetesAPI

extension PodWorker {
    /// Starts a container, or notes why it cannot be started yet.
    func start(_ name: String) async throws {
        guard let container = state.container(name) else { return }
        // As with a kubelet, images come after the volumes.
        guard let objects = await mountVolumes(before: name), var record = state.records[name] else { return }
        let reference = container.image ?? ""
        guard let image = context.configuration.images.resolve(reference) else {
            record.missImage(
                "image \"\(reference)\" is not in this node's image map; "
                    + "add it to the file given with --images",
                now: now)
            state.records[name] = record
            return
        }
        do {
            let mounts = try await mounts(for: container)
            try reserveGPUs(for: container, record: &record)
            let hasRunBefore = record.termination != nil
            let attempt = record.attempt + (hasRunBefore ? 1 : 0)
            let process = folder.process(name, attempt: attempt)
            let plan = try plan(container, record, image, objects, mounts, process)
            try launch(plan, process: process, attempt: attempt, record: record)
        } catch let error as ConfigurationError {
            record.state = .waiting(reason: "CreateContainerConfigError", message: error.message)
            record.notBefore = now.advanced(by: 2)
            state.records[name] = record
        }
    }

    private func plan(
        _ container: Container, _ record: ContainerRecord, _ image: ContainerImage,
        _ objects: NamespaceObjects,
        _ mounts: [SandboxMount], _ process: ContainerProcess
    ) throws -> SandboxPlan {
        let environment = try environment(objects: objects, gpus: record.gpus).variables(
            of: container, image: image)
        return try SandboxPlan(
            SandboxRequest(
                container: container, podSecurity: state.spec.securityContext, image: image,
                hostname: hostname,
                environment: environment, mounts: mounts, etcFolder: folder.etc,
                temporaryFolder: process.temporaryFolder, terminationMessageFile: process.terminationMessage,
                layout: context.layout))
    }

    /// Starts the process. The intent is on disk before the process exists.
    private func launch(
        _ plan: SandboxPlan, process: ContainerProcess, attempt: Int64, record: ContainerRecord
    ) throws {
        var record = record
        try process.prepare()
        if case .terminated(let termination) = record.state { record.lastTermination = termination }
        record.attempt = attempt
        record.notBefore = nil
        record.state = .starting
        state.records[record.name] = record
        try folder.save(state)
        do {
            children[record.name] = try process.start(plan, bubblewrap: context.configuration.bubblewrap)
        } catch {
            record.end(
                Termination(
                    exitCode: 128, reason: "StartError",
                    message: "bubblewrap could not be started: \(error); install the package bubblewrap",
                    finishedAt: now))
            state.records[record.name] = record
            return
        }
        record.state = .running(since: now)
        if let container = state.container(record.name) {
            let probes = ContainerProbes(container, startedAt: nowMilliseconds)
            self.probes[record.name] = probes
            record.hasStarted = probes.hasStarted
            record.isReady = probes.isReady
        }
        state.records[record.name] = record
        timelines[record.name] = LogTimeline(log: process.log)
        if attempt > 1 {
            try? FileManager.default.removeItem(
                atPath: folder.process(record.name, attempt: attempt - 2).folder)
        }
        publishLogs()
    }

    func environment(objects: NamespaceObjects, gpus: [Int]) -> ContainerEnvironment {
        var base: [String: String] = [:]
        if let server = context.configuration.apiServer {
            base["KUBERNETES_SERVICE_HOST"] = server.host
            base["KUBERNETES_SERVICE_PORT"] = String(server.port)
            base["KUBERNETES_SERVICE_PORT_HTTPS"] = String(server.port)
        }
        if context.resources.gpuCount > 0 {
            let indices = gpus.map(String.init).joined(separator: ",")
            base["NVIDIA_VISIBLE_DEVICES"] = indices.isEmpty ? "void" : indices
            base["CUDA_VISIBLE_DEVICES"] = indices
        }
        return ContainerEnvironment(
            fields: DownwardFields(pod: state.pod, podIP: state.address, hostIP: NodeContext.hostIP),
            objects: objects, allocatable: context.configuration.capacity, base: base)
    }

    private func reserveGPUs(for container: Container, record: inout ContainerRecord) throws {
        let requested = container.resources?.limits?["nvidia.com/gpu"]?.units ?? 0
        guard requested > 0, record.gpus.isEmpty else { return }
        guard let gpus = context.resources.allocateGPUs(Int(clamping: requested), to: state.uid) else {
            state.stop = .rejected(
                reason: "OutOfnvidia.com/gpu",
                message: "Pod was rejected: Node didn't have enough resource: nvidia.com/gpu, requested: "
                    + "\(requested), used: \(context.resources.allocatedGPUs), "
                    + "capacity: \(context.resources.gpuCount)")
            throw ConfigurationError("not enough GPUs")
        }
        record.gpus = gpus
        state.records[record.name]?.gpus = gpus
    }

    func fetchObjects() async throws -> NamespaceObjects {
        let needs = PodVolumeNeeds(of: state.spec)
        do {
            return try await context.cluster.objects(
                namespace: state.pod.namespace, configMaps: needs.configMaps, secrets: needs.secrets)
        } catch {
            throw ConfigurationError("configuration could not be read from the API server: \(error)")
        }
    }

    /// The container's mounts of the pod's volumes.
    private func mounts(for container: Container) async throws -> [SandboxMount] {
        var mounts: [SandboxMount] = []
        for mount in container.volumeMounts ?? [] {
            guard let volume = (state.spec.volumes ?? []).first(where: { $0.name == mount.name }) else {
                throw ConfigurationError(
                    "volumeMounts names volume \"\(mount.name)\", which the pod does not have")
            }
            var root = folder.volume(volume.name)
            var isReadOnly = mount.readOnly == true || volume.isMadeOfObjects
            if let claim = volume.claimName(in: state.pod.name) {
                root = try await folder(of: claim)
                isReadOnly = isReadOnly || volume.persistentVolumeClaim?.readOnly == true
            } else if let source = volume.hostPath {
                root = source.path
            }
            let host = try PodFiles.resolve(subPath: mount.subPath, in: root)
            mounts.append(SandboxMount(host: host, path: mount.mountPath, isReadOnly: isReadOnly))
        }
        return mounts
    }

    /// Time between two looks at the objects that volumes are made of, in milliseconds. A kubelet takes about a
    /// minute.
    private static let volumeRefreshInterval: Int64 = 30_000

    /// Writes ConfigMap, Secret, projected and downward API volumes.
    func writeObjectVolumes(_ objects: NamespaceObjects) async throws {
        try await renewTokens()
        let source = VolumeFiles(
            objects: objects,
            fields: DownwardFields(pod: state.pod, podIP: state.address, hostIP: NodeContext.hostIP),
            tokens: tokens)
        var hasAny = false
        for volume in state.spec.volumes ?? [] {
            do {
                guard let contents = try source.files(of: volume) else { continue }
                try AtomicVolume(root: folder.volume(volume.name)).write(contents)
            } catch {
                throw VolumeFailure.setUp(volume.name, error)
            }
            hasAny = true
        }
        volumesRefreshAt = hasAny ? nowMilliseconds + Self.volumeRefreshInterval : .max
    }

    /// Issues the tokens of the pod's volumes when they are due.
    private func renewTokens() async throws {
        let needed = PodVolumeNeeds(of: state.spec).tokens
        guard !needed.isEmpty, nowMilliseconds >= tokensRenewAt else { return }
        var issued: [ServiceAccountTokenProjection: String] = [:]
        var lifetime: Int64 = .max
        for projection in needed {
            do {
                issued[projection] = try await context.cluster.token(projection, for: state.pod)
            } catch {
                let volume = (state.spec.volumes ?? []).first { volume in
                    volume.projected?.sources?.contains { $0.serviceAccountToken == projection } == true
                }
                throw VolumeFailure.setUp(
                    volume?.name ?? "", ConfigurationError("failed to fetch token: \(error)"))
            }
            lifetime = min(lifetime, max(600, projection.expirationSeconds ?? 3600))
        }
        tokens = issued
        // Renewal is due at four fifths of the shortest life, as with the kubelet.
        let (span, overflow) = lifetime.multipliedReportingOverflow(by: 800)
        let (due, isLate) = nowMilliseconds.addingReportingOverflow(span)
        tokensRenewAt = overflow || isLate ? .max : due
    }
}

extension Volume {
    /// Whether the volume's files come from API objects; such volumes are always read-only.
    var isMadeOfObjects: Bool {
        configMap != nil || secret != nil || projected != nil || downwardAPI != nil
    }
}
