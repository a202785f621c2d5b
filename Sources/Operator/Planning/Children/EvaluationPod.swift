import AnnealAPI
import KubernetesAPI
import Scheduling

/// The pod of one attempt of a suite: `prepare` as the init container, then the evaluator.
struct EvaluationPod {
    var run: RunObject
    var spec: EvalRunSpec
    var settings: PlannerSettings
    /// Nodes that the pod keeps off where it can.
    var avoidedNodes: [String] = []

    static let evaluatorName = "evaluator"
    private static let suiteFile = WorkspacePath.data + "/suite.jsonl"

    static func name(_ run: RunObject, suite: String, attempt: Int) -> String {
        // A suite of one word that is no number can be told from the run's name, whatever that is.
        let isPlain = !suite.contains("-") && suite.utf8.first.map { $0 > UInt8(ascii: "9") } == true
        return isPlain
            ? ChildName.make(run.name, suite, String(attempt))
            : ChildName.make(run.name, suite, String(attempt), ChildName.mark(run.name, suite))
    }

    var gpus: Int { max(0, spec.evaluator?.resources?.gpus ?? 1) }
    var gpuResource: String { spec.placement?.gpuResourceName ?? ContainerResources.defaultGPU }

    /// Request of one pod: suites start as they find room.
    var request: GangRequest {
        GangRequest(
            count: spec.suites.count, minimum: 1,
            resources: PodResources(containers: [
                PodResources.Share(
                    ContainerResources.requirements(
                        spec.evaluator?.resources, gpus: gpus, gpuResource: gpuResource))
            ]),
            nodeSelector: PodPlacement.nodeSelector(spec.placement),
            tolerations: PodPlacement.tolerations(spec.placement, gpus: gpus))
    }

    /// The pod of a suite's attempt; nil without an image, or if the configuration can't be written as JSON.
    func make(_ suite: EvaluationSuite, attempt: Int) -> Pod? {
        guard let image = suite.image ?? spec.evaluator?.image,
            let program = String?.annotation(configuration(suite, attempt: attempt)),
            let agent = String?.annotation(preparation(suite, attempt: attempt))
        else { return nil }
        var pod = PodSpec(containers: [evaluator(image)])
        var prepare = AgentContainer.make(
            name: "prepare", command: "prepare", configurationVolume: "agent-config",
            resources: settings.agentResources, settings: settings)
        pod.volumes = [
            Volume(name: PodVolumes.workspaceName, emptyDir: EmptyDirVolumeSource()),
            PodVolumes.configuration(
                "config", file: WorkspacePath.programConfiguration,
                annotation: ConfigurationAnnotation.program),
            PodVolumes.configuration(
                "agent-config", file: WorkspacePath.agentConfiguration,
                annotation: ConfigurationAnnotation.agent),
            PodVolumes.temporary, PodVolumes.sharedMemory(Quantity("1Gi")),
        ]
        AgentSecret.storage(spec.storage)?.give(to: &prepare, in: &pod)
        AgentSecret.programPermissions(spec.programSecrets)?.give(to: &prepare, in: &pod)
        pod.initContainers = [prepare]
        pod.serviceAccountName = settings.agentServiceAccount
        pod.restartPolicy = "Never"
        pod.automountServiceAccountToken = false
        pod.enableServiceLinks = false
        pod.securityContext = PodSecurity.pod(user: settings.runAsUser)
        pod.imagePullSecrets = UserProgram.pullSecrets(spec.evaluator?.imagePullSecrets)
        PodPlacement.apply(spec.placement, gpus: gpus, to: &pod)
        PodPlacement.avoid(avoidedNodes, in: &pod)
        var metadata = run.metadata(
            name: Self.name(run, suite: suite.name, attempt: attempt), stage: "evaluate", attempt: attempt,
            annotations: [
                ConfigurationAnnotation.program: program, ConfigurationAnnotation.agent: agent,
            ].merging(AgentIdentity.annotations(hiddenFrom: [Self.evaluatorName])) { $1 })
        // The pod stays until its GPU time is counted.
        if gpus > 0 { metadata.finalizers = [Anneal.Finalizer.settle] }
        return Pod(metadata: metadata, spec: pod)
    }

    private func evaluator(_ image: String) -> Container {
        var container = Container(
            name: Self.evaluatorName, image: image, command: Literal.escaped(spec.evaluator?.command),
            args: Literal.escaped(spec.evaluator?.args))
        container.env = UserProgram.environment(
            spec.evaluator?.env,
            besides: [
                EnvVar(name: EnvironmentName.configuration, value: WorkspacePath.programConfiguration),
                EnvVar(name: EnvironmentName.result, value: WorkspacePath.result),
                EnvVar(name: "HOME", value: "/tmp"),
            ])
        container.resources = ContainerResources.requirements(
            spec.evaluator?.resources, gpus: gpus, gpuResource: gpuResource)
        container.securityContext = PodSecurity.container
        var mounts = [
            PodVolumes.folderMount(WorkspacePath.data, readOnly: true),
            PodVolumes.folderMount(WorkspacePath.model, readOnly: true),
            PodVolumes.folderMount(WorkspacePath.run, readOnly: false),
            PodVolumes.folderMount(WorkspacePath.output, readOnly: false),
            PodVolumes.configurationMount("config"), PodVolumes.temporaryMount, PodVolumes.sharedMemoryMount,
        ]
        if spec.baseModel != nil {
            mounts.append(PodVolumes.folderMount(WorkspacePath.adapter, readOnly: true))
        }
        container.volumeMounts = mounts
        container.terminationMessagePath = WorkspacePath.result
        container.terminationMessagePolicy = "FallbackToLogsOnError"
        return container
    }

    private func configuration(_ suite: EvaluationSuite, attempt: Int) -> EvaluatorConfiguration {
        EvaluatorConfiguration(
            run: run.identity(attempt: attempt),
            model: .init(
                path: WorkspacePath.model, adapter: spec.baseModel == nil ? nil : WorkspacePath.adapter),
            suite: .init(
                name: suite.name, type: suite.type, data: suite.data == nil ? nil : Self.suiteFile,
                format: suite.format, limit: suite.limit, maxNewTokens: suite.maxNewTokens,
                batchSize: suite.batchSize, parameters: suite.parameters ?? [:]),
            // The seed is fixed, so that a verdict can be had again.
            seed: 42, output: WorkspacePath.output)
    }

    private func preparation(_ suite: EvaluationSuite, attempt: Int) -> PrepareConfiguration {
        var downloads: [PrepareConfiguration.Download] = []
        if let base = spec.baseModel {
            downloads.append(.init(source: base, destination: WorkspacePath.model + "/"))
            downloads.append(.init(source: spec.model, destination: WorkspacePath.adapter + "/"))
        } else {
            downloads.append(.init(source: spec.model, destination: WorkspacePath.model + "/"))
        }
        if let data = suite.data { downloads.append(.init(source: data, destination: Self.suiteFile)) }
        return PrepareConfiguration(
            run: run.identity(attempt: attempt), storage: spec.storage ?? StorageConnection(),
            downloads: downloads, programSecrets: spec.programSecrets.isEmpty ? nil : spec.programSecrets)
    }
}
