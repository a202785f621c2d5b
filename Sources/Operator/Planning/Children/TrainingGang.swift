import AnnealAPI
import KubernetesAPI
import Scheduling

/// The objects of one training attempt: a pod a node, the heartbeat Lease, and for several nodes the
/// headless Service through which they find the first.
struct TrainingGang {
    var run: RunObject
    var spec: TrainingJobSpec
    var settings: PlannerSettings
    var attempt: Int
    /// Name of the volume's claim; empty where no pods are made.
    var claim = ""
    /// Checkpoint that `prepare` put in place; nil if training begins anew.
    var resume: CheckpointReference?
    /// Downloads that fill the pod's own volume; nil where all stages share one.
    var preparation: PrepareConfiguration?
    /// Times that earlier attempts took to save and to stop.
    var measured: CheckpointSeconds?
    /// Nodes that the pods keep off where they can.
    var avoidedNodes: [String] = []

    static let trainerName = "trainer"
    static let preparationName = "prepare"
    static let rendezvousPort: Int64 = 29_500

    var gracePeriod: GracePeriod {
        GracePeriod(
            asked: spec.trainer.terminationGracePeriodSeconds ?? settings.terminationGracePeriodSeconds,
            measured: measured, longest: settings.longestGracePeriodSeconds)
    }
    var nodes: Int { max(1, spec.trainer.numNodes ?? 1) }
    private var processes: Int { max(1, spec.trainer.processesPerNode) }
    var gpus: Int { max(0, spec.trainer.gpusPerNode) }
    private var gpuResource: String { spec.placement?.gpuResourceName ?? ContainerResources.defaultGPU }

    var leaseName: String { ChildName.make(run.name, "train", String(attempt)) }
    var serviceName: String { ChildName.service(run.name, "train") }
    func podName(_ rank: Int) -> String { Self.podName(run, attempt: attempt, rank: rank) }

    static func podName(_ run: RunObject, attempt: Int, rank: Int) -> String {
        ChildName.make(run.name, "train", String(attempt), String(rank))
    }

    var lease: Lease {
        Lease(metadata: run.metadata(name: leaseName, stage: "train", attempt: attempt), spec: LeaseSpec())
    }

    var service: Service {
        Service(
            metadata: run.metadata(name: serviceName, stage: "train"),
            spec: ServiceSpec(
                selector: [Anneal.Label.runUID: run.uid, Anneal.Label.stage: "train"], clusterIP: "None",
                // Ranks look for each other before any of them is ready.
                publishNotReadyAddresses: true,
                ports: [ServicePort(name: "rendezvous", port: Self.rendezvousPort)]))
    }

    /// Room for the trainer and its sidecar, on each node.
    var request: GangRequest {
        GangRequest(
            count: nodes,
            resources: PodResources(
                containers: [
                    PodResources.Share(
                        ContainerResources.requirements(
                            spec.trainer.resourcesPerNode, gpus: gpus, gpuResource: gpuResource))
                ],
                initContainers: (spec.hasOwnVolume
                    ? [
                        PodResources.InitContainer(
                            share: PodResources.Share(
                                ContainerResources.requirements(settings.agentResources)))
                    ] : [])
                    + [
                        PodResources.InitContainer(
                            share: PodResources.Share(
                                ContainerResources.requirements(settings.syncResources)),
                            isSidecar: true)
                    ]),
            nodeSelector: PodPlacement.nodeSelector(spec.placement),
            tolerations: PodPlacement.tolerations(spec.placement, gpus: gpus))
    }

    /// The pod of a rank; nil if its configuration can't be written as JSON.
    func pod(_ rank: Int) -> Pod? {
        guard let program = String?.annotation(configuration) else { return nil }
        var annotations = [ConfigurationAnnotation.program: program]
        var pod = PodSpec(containers: [trainer(rank)])
        pod.volumes = [
            spec.hasOwnVolume
                ? WorkspaceClaim.ephemeral(run, spec.workspace, attempt: attempt)
                : Volume(name: PodVolumes.workspaceName, claim: claim),
            PodVolumes.configuration(
                "config", file: WorkspacePath.programConfiguration,
                annotation: ConfigurationAnnotation.program),
            PodVolumes.temporary,
            PodVolumes.sharedMemory((spec.trainer.shmSize ?? "1Gi").quantity),
        ]
        if rank == 0 {
            guard let agent = String?.annotation(syncConfiguration) else { return nil }
            annotations[ConfigurationAnnotation.agent] = agent
            annotations.merge(AgentIdentity.annotations(hiddenFrom: [Self.trainerName])) { $1 }
            addSidecar(to: &pod)
        }
        if let preparation {
            guard let configuration = String?.annotation(preparation) else { return nil }
            annotations[ConfigurationAnnotation.preparation] = configuration
            addPreparation(to: &pod)
        }
        pod.restartPolicy = "Never"
        pod.terminationGracePeriodSeconds = gracePeriod.seconds
        pod.automountServiceAccountToken = false
        pod.enableServiceLinks = false
        pod.securityContext = PodSecurity.pod(user: settings.runAsUser)
        pod.imagePullSecrets = UserProgram.pullSecrets(spec.trainer.imagePullSecrets)
        if nodes > 1 {
            pod.hostname = podName(rank)
            pod.subdomain = serviceName
        }
        PodPlacement.apply(spec.placement, gpus: gpus, to: &pod)
        PodPlacement.avoid(avoidedNodes, in: &pod)
        var metadata = run.metadata(
            name: podName(rank), stage: "train", attempt: attempt, annotations: annotations)
        metadata.labels?[Anneal.Label.nodeRank] = String(rank)
        // The pod stays until its GPU time is counted.
        if gpus > 0 { metadata.finalizers = [Anneal.Finalizer.settle] }
        return Pod(metadata: metadata, spec: pod)
    }

    /// Fills the pod's own volume before anything else runs.
    private func addPreparation(to pod: inout PodSpec) {
        var prepare = AgentContainer.make(
            name: Self.preparationName, command: "prepare", configurationVolume: "prepare-config",
            resources: settings.agentResources, settings: settings)
        AgentSecret.storage(spec.storage)?.give(to: &prepare, in: &pod)
        AgentSecret.programPermissions(spec.programSecrets)?.give(to: &prepare, in: &pod)
        pod.initContainers = [prepare] + (pod.initContainers ?? [])
        pod.volumes?.append(
            PodVolumes.configuration(
                "prepare-config", file: WorkspacePath.agentConfiguration,
                annotation: ConfigurationAnnotation.preparation))
    }

    private func addSidecar(to pod: inout PodSpec) {
        var sync = AgentContainer.make(
            name: "sync", command: "sync", configurationVolume: "agent-config",
            resources: settings.syncResources, settings: settings)
        sync.restartPolicy = "Always"
        // It sees its own attempt's folders and no other's.
        sync.volumeMounts?.removeAll { $0.name == PodVolumes.workspaceName }
        sync.volumeMounts? += PodVolumes.attemptMounts(attempt) + [PodVolumes.serviceAccountTokenMount]
        AgentSecret.storage(spec.storage)?.give(to: &sync, in: &pod)
        pod.initContainers = [sync]
        pod.serviceAccountName = settings.agentServiceAccount
        pod.volumes? += [
            PodVolumes.configuration(
                "agent-config", file: WorkspacePath.agentConfiguration,
                annotation: ConfigurationAnnotation.agent),
            PodVolumes.serviceAccountToken,
        ]
    }

    private func trainer(_ rank: Int) -> Container {
        var container = Container(
            name: Self.trainerName, image: spec.trainer.image, command: Literal.escaped(spec.trainer.command),
            args: Literal.escaped(spec.trainer.args))
        container.env = environment(rank)
        container.resources = ContainerResources.requirements(
            spec.trainer.resourcesPerNode, gpus: gpus, gpuResource: gpuResource)
        container.securityContext = PodSecurity.container
        container.volumeMounts = [
            PodVolumes.folderMount(WorkspacePath.data, readOnly: true),
            PodVolumes.folderMount(WorkspacePath.model, readOnly: true),
            PodVolumes.folderMount("/workspace/resume", readOnly: true),
            PodVolumes.configurationMount("config"), PodVolumes.temporaryMount, PodVolumes.sharedMemoryMount,
        ]
        container.volumeMounts? += PodVolumes.attemptMounts(attempt)
        container.terminationMessagePath = WorkspacePath.result
        container.terminationMessagePolicy = "FallbackToLogsOnError"
        return container
    }

    private func environment(_ rank: Int) -> [EnvVar] {
        var ours = [
            EnvVar(name: EnvironmentName.configuration, value: WorkspacePath.programConfiguration),
            EnvVar(name: EnvironmentName.result, value: WorkspacePath.result),
            EnvVar(name: EnvironmentName.stopWithin, value: String(gracePeriod.trainerSeconds)),
            EnvVar(name: "HOME", value: "/tmp"),
        ]
        if resume != nil {
            ours.append(EnvVar(name: EnvironmentName.resumeFrom, value: WorkspacePath.resume))
        }
        if nodes > 1 || processes > 1 {
            let (world, overflow) = nodes.multipliedReportingOverflow(by: processes)
            let (first, rankOverflow) = rank.multipliedReportingOverflow(by: processes)
            ours += [
                EnvVar(name: "MASTER_ADDR", value: masterAddress),
                EnvVar(name: "MASTER_PORT", value: String(Self.rendezvousPort)),
                EnvVar(name: "WORLD_SIZE", value: String(overflow ? nodes : world)),
                EnvVar(name: "RANK", value: String(rankOverflow ? rank : first)),
                EnvVar(name: "NODE_RANK", value: String(rank)),
                EnvVar(name: "NPROC_PER_NODE", value: String(processes)),
            ]
        }
        return UserProgram.environment(
            spec.trainer.env, besides: ours, reserved: [EnvironmentName.resumeFrom])
    }

    private var masterAddress: String {
        nodes > 1 ? "\(podName(0)).\(serviceName).\(run.namespace).svc" : "127.0.0.1"
    }

    private var configuration: TrainerConfiguration {
        var hyperparameters = spec.hyperparameters ?? Hyperparameters()
        let parameters = hyperparameters.parameters ?? [:]
        hyperparameters.parameters = nil
        let policy = spec.checkpoint
        let everySteps = policy?.everySteps ?? (policy?.everySeconds == nil ? 100 : nil)
        return TrainerConfiguration(
            run: run.identity(attempt: attempt), method: spec.method, model: .init(path: WorkspacePath.model),
            data: .init(
                train: WorkspacePath.trainFile, validation: WorkspacePath.validationFile,
                format: spec.dataset.format),
            hyperparameters: hyperparameters, parameters: parameters,
            checkpoint: .init(
                everySteps: everySteps, everySeconds: policy?.everySeconds,
                directory: WorkspacePath.checkpoints),
            metricsFile: WorkspacePath.metricsFile, output: WorkspacePath.output)
    }

    private var syncConfiguration: SyncConfiguration {
        SyncConfiguration(
            run: run.identity(attempt: attempt), storage: spec.storage ?? StorageConnection(),
            artifactRoot: ArtifactLayout.root(artifacts: spec.artifacts.storageUri, uid: run.uid),
            checkpointDirectory: WorkspacePath.checkpoints, metricsFile: WorkspacePath.metricsFile,
            outputDirectory: WorkspacePath.output, resumeStep: resume?.step,
            keepLast: spec.checkpoint?.keepLast ?? 3,
            keepBest: spec.checkpoint?.keepBest ?? 1,
            leaseName: leaseName, heartbeatSeconds: settings.heartbeatSeconds)
    }
}
