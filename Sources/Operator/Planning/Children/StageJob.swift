import AnnealAPI
import KubernetesAPI

/// CPU stages as Jobs of one pod and one attempt; the planner counts attempts.
struct StageJob {
    var run: RunObject
    var spec: TrainingJobSpec
    var status: TrainingJobStatus
    var settings: PlannerSettings
    /// Nodes that the pod keeps off where it can.
    var avoidedNodes: [String] = []
    /// Zones of nodes that the GPU pods may run on.
    var zones = VolumeZones()

    /// Parts that differ between the stages.
    private struct Content {
        var command: String
        var configuration: String?
        var limit: PlannerSettings.StageLimit
        var resources: NodeResources
        var needsWorkspace = true
    }

    static func name(_ run: RunObject, _ stage: TrainingJobPhase, attempt: Int) -> String {
        ChildName.make(run.name, word(stage), String(attempt))
    }

    /// The stage in names and labels of children.
    static func word(_ stage: TrainingJobPhase) -> String {
        switch stage {
        case .validating: "validate"
        case .preprocessing: "preprocess"
        case .preparing: "prepare"
        case .training: "train"
        case .uploading: "upload"
        case .evaluating: "evaluate"
        case .registering: "register"
        case .pending, .queued, .completed, .suspended, .evalFailed, .failed, .cancelled, .pruned:
            stage.rawValue.lowercased()
        }
    }

    /// The stage's Job; nil if the stage runs as no Job, or its configuration can't be written as JSON.
    func make(_ stage: TrainingJobPhase, attempt: Int) -> Job? {
        guard let content = content(stage, attempt: attempt), let configuration = content.configuration
        else { return nil }
        let annotations = [ConfigurationAnnotation.agent: configuration]
        var pod = PodSpec()
        var main = AgentContainer.make(
            name: "agent", command: content.command, configurationVolume: "agent-config",
            resources: content.resources, settings: settings)
        pod.volumes = [
            mountsClaim(stage, content)
                ? Volume(name: PodVolumes.workspaceName, claim: WorkspaceClaim.name(run, spec, status))
                : Volume(name: PodVolumes.workspaceName, emptyDir: EmptyDirVolumeSource()),
            PodVolumes.configuration(
                "agent-config", file: WorkspacePath.agentConfiguration,
                annotation: ConfigurationAnnotation.agent),
            PodVolumes.temporary,
        ]
        for secret in secrets(of: stage) { secret.give(to: &main, in: &pod) }
        pod.containers = [main]
        pod.serviceAccountName = settings.agentServiceAccount
        pod.restartPolicy = "Never"
        pod.automountServiceAccountToken = false
        pod.enableServiceLinks = false
        pod.securityContext = PodSecurity.pod(user: settings.runAsUser)
        if !spec.hasOwnVolume {
            VolumeTopology.apply(spec.placement, zones: zones, gpus: spec.trainer.gpusPerNode, to: &pod)
        } else if stage == .uploading {
            // The volume says on which node: one with GPUs.
            pod.tolerations = PodPlacement.tolerations(spec.placement, gpus: spec.trainer.gpusPerNode)
        }
        PodPlacement.avoid(avoidedNodes, in: &pod)
        var template = PodTemplateSpec(
            metadata: ObjectMeta(
                labels: run.labels(stage: Self.word(stage), attempt: attempt), annotations: annotations),
            spec: pod)
        if stage == .preprocessing, let transform = spec.preprocessing?.transform {
            addTransform(transform, attempt: attempt, to: &template)
        }
        var job = JobSpec(template: template)
        job.parallelism = 1
        job.completions = 1
        job.backoffLimit = 0
        job.activeDeadlineSeconds = content.limit.seconds
        job.podReplacementPolicy = "Failed"
        return Job(
            metadata: run.metadata(
                name: Self.name(run, stage, attempt: attempt), stage: Self.word(stage), attempt: attempt),
            spec: job)
    }

    /// Whether the stage works on the run's volume. One of the training pod's own is there once that has run, and only
    /// its model is wanted from it.
    private func mountsClaim(_ stage: TrainingJobPhase, _ content: Content) -> Bool {
        content.needsWorkspace && (!spec.hasOwnVolume || stage == .uploading)
    }

    /// Secrets that the stage's agent needs, or what it needs to know of them.
    private func secrets(of stage: TrainingJobPhase) -> [AgentSecret] {
        var secrets = [AgentSecret.storage(spec.storage)]
        switch stage {
        case .validating:
            secrets += [
                .registrationPermission(spec.registration), .programPermissions(spec.programSecrets),
            ]
        case .preparing: secrets.append(.programPermissions(spec.programSecrets))
        case .registering: secrets = [.registration(spec.registration)]
        case .preprocessing, .uploading, .pending, .queued, .training, .evaluating, .completed, .suspended,
            .evalFailed, .failed, .cancelled, .pruned:
            break
        }
        return secrets.compactMap(\.self)
    }

    private func content(_ stage: TrainingJobPhase, attempt: Int) -> Content? {
        switch stage {
        case .validating:
            Content(
                command: "validate", configuration: .annotation(validate(attempt)),
                limit: settings.validating, resources: settings.agentResources, needsWorkspace: false)
        case .preprocessing:
            Content(
                command: "preprocess",
                configuration: .annotation(
                    preprocess(attempt, part: spec.preprocessing?.transform == nil ? .whole : .process)),
                limit: settings.preprocessing, resources: settings.preprocessResources)
        case .preparing:
            Content(
                command: "prepare", configuration: .annotation(prepare(attempt)),
                limit: settings.preparing, resources: settings.agentResources)
        case .uploading:
            Content(
                command: "upload", configuration: .annotation(upload(attempt)), limit: settings.uploading,
                resources: settings.agentResources)
        case .registering:
            Content(
                command: "register", configuration: register(attempt).flatMap(String?.annotation),
                limit: settings.registering, resources: settings.agentResources, needsWorkspace: false)
        case .pending, .queued, .training, .evaluating, .completed, .suspended, .evalFailed, .failed,
            .cancelled, .pruned:
            nil
        }
    }

    private var storage: StorageConnection { spec.storage ?? StorageConnection() }
    private var programSecrets: [NamedSecret]? {
        let secrets = spec.programSecrets
        return secrets.isEmpty ? nil : secrets
    }
    private var root: String { ArtifactLayout.root(artifacts: spec.artifacts.storageUri, uid: run.uid) }

    private func validate(_ attempt: Int) -> ValidateConfiguration {
        // Only what is looked at: the parameters of all suites together may be more than an annotation holds.
        let suites = spec.evaluation?.suites.map { suite in
            var suite = suite
            suite.parameters = nil
            return suite
        }
        var registration = spec.registration
        registration?.tags = nil
        return ValidateConfiguration(
            run: run.identity(attempt: attempt), storage: storage, model: spec.model, dataset: spec.dataset,
            suites: suites, registration: registration,
            skipsInputs: status.dataset?.processedManifestSha256 == nil ? nil : true,
            programSecrets: programSecrets)
    }

    private func preprocess(_ attempt: Int, part: PreprocessConfiguration.Part) -> PreprocessConfiguration {
        PreprocessConfiguration(
            run: run.identity(attempt: attempt), storage: storage, dataset: spec.dataset,
            expectedSha256: status.dataset?.sha256, preprocessing: spec.preprocessing ?? Preprocessing(),
            destinationUri: ArtifactLayout.data(root: root), directory: WorkspacePath.data, part: part)
    }

    /// Configuration of `prepare` as a Job. For a volume of the training pod's own it finds the checkpoint to go on
    /// from, and the pod does the rest.
    private func prepare(_ attempt: Int) -> PrepareConfiguration {
        var configuration = preparation(attempt)
        if spec.hasOwnVolume {
            configuration.downloads = []
            configuration.cleared = []
        } else if let newest = status.trainingAttempts, newest > 0 {
            configuration.left = .init(
                directory: WorkspacePath.attempts, formerDirectory: WorkspacePath.checkpoints,
                artifactRoot: root, newest: newest)
        }
        return configuration
    }

    /// All that training needs on its volume.
    func preparation(_ attempt: Int) -> PrepareConfiguration {
        let data = StoredInput(
            storageUri: status.dataset?.processedStorageUri ?? ArtifactLayout.data(root: root),
            sha256: status.dataset?.processedManifestSha256)
        let inherited = status.continuedFrom?.checkpoint
        // In Training the present attempt is among them.
        let hasTrained = (status.trainingAttempts ?? 0) > (status.phase == .training ? 1 : 0)
        return PrepareConfiguration(
            run: run.identity(attempt: attempt), storage: storage,
            downloads: [
                .init(source: data, destination: WorkspacePath.data + "/"),
                .init(source: baseModel, destination: WorkspacePath.model + "/"),
            ],
            checkpointsUri: hasTrained ? ArtifactLayout.checkpoints(root: root) : nil,
            inherited: inherited,
            resumeDirectory: hasTrained || inherited != nil ? WorkspacePath.resume : nil,
            // Attempts of older releases shared these folders.
            cleared: [
                WorkspacePath.checkpoints, WorkspacePath.resume, WorkspacePath.run, WorkspacePath.output,
            ], programSecrets: programSecrets)
    }

    /// The base model as it was validated.
    private var baseModel: StoredInput { spec.model.validated(as: status.dataset) }

    private func upload(_ attempt: Int) -> UploadConfiguration {
        // No attempt follows the one that succeeded.
        let trained = status.trainingAttempts ?? 1
        return UploadConfiguration(
            run: run.identity(attempt: attempt), storage: storage,
            directory: WorkspacePath.ofAttempt(trained, WorkspacePath.output),
            formerDirectory: WorkspacePath.output, artifactRoot: root,
            destinationUri: ArtifactLayout.model(root: root), trainingAttempt: trained)
    }

    private func register(_ attempt: Int) -> RegisterConfiguration? {
        guard let registration = spec.registration, let model = status.output else { return nil }
        return RegisterConfiguration(
            run: run.identity(attempt: attempt), registration: registration, storage: storage, model: model,
            params: Lineage.params(spec), metrics: Lineage.metrics(status),
            lineage: Lineage.tags(run: run, spec: spec, status: status), alias: "dev")
    }

    /// The built-in steps and the user's come first, as init containers; publishing is the main container.
    private func addTransform(_ transform: Transform, attempt: Int, to template: inout PodTemplateSpec) {
        guard var pod = template.spec, var process = pod.containers.first,
            let publisher = String?.annotation(preprocess(attempt, part: .publish))
        else { return }
        process.name = "process"
        var user = Container(
            name: "transform", image: transform.image, command: Literal.escaped(transform.command),
            args: Literal.escaped(transform.args))
        user.env = [EnvVar(name: "HOME", value: "/tmp")]
        user.resources = ContainerResources.requirements(settings.preprocessResources)
        user.securityContext = PodSecurity.container
        user.volumeMounts = [
            PodVolumes.folderMount(WorkspacePath.data, readOnly: false), PodVolumes.temporaryMount,
        ]
        user.terminationMessagePolicy = "FallbackToLogsOnError"
        var publish = AgentContainer.make(
            name: "agent", command: "preprocess", configurationVolume: "publisher-config",
            resources: settings.preprocessResources, settings: settings)
        AgentSecret.storage(spec.storage)?.give(to: &publish, in: &pod)
        pod.initContainers = [process, user]
        pod.containers = [publish]
        pod.volumes?.append(
            PodVolumes.configuration(
                "publisher-config", file: WorkspacePath.agentConfiguration,
                annotation: ConfigurationAnnotation.publisher))
        template.metadata?.annotations?[ConfigurationAnnotation.publisher] = publisher
        template.metadata?.annotations?.merge(AgentIdentity.annotations(hiddenFrom: [user.name])) { $1 }
        template.spec = pod
    }
}
