import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// Every child of a whole run, as it was created.
@Suite("Children")
struct ChildrenTests {
    /// All children that a run creates on its way.
    static func children(_ job: TrainingJob) -> [Child] {
        var world = World(job)
        var all: [Child] = []
        world.run { world in
            guard let observation = world.observation() else { return true }
            for effect in TrainingJobPlanner.plan(observation).effects {
                if case .create(let child, _) = effect, !all.contains(child) { all.append(child) }
            }
            return world.phase?.isTerminal == true
        }
        return all
    }

    static func pods(_ children: [Child]) -> [(stage: String, metadata: ObjectMeta, spec: PodSpec)] {
        children.compactMap { child in
            if let pod = child.of(Pod.self) { return ("train", pod.metadata, pod.spec ?? PodSpec()) }
            return child.of(Job.self).map { job in
                (
                    job.metadata.labels?[Anneal.Label.stage] ?? "",
                    job.spec?.template.metadata ?? ObjectMeta(),
                    job.spec?.template.spec ?? PodSpec()
                )
            }
        }
    }

    static func evaluationPods(
        _ run: EvalRun = Samples.evalRun { $0.storage = StorageConnection(credentialsSecretName: "s3") }
    ) -> [PodSpec] {
        var world = EvaluationWorld(run)
        world.passes(4)
        return world.pods.values.compactMap(\.spec)
    }

    @Test(arguments: ["demo", "x-very-long-name-that-leaves-no-room-for-what-is-appended-to-it"])
    func `children are owned by the run, labelled, and named within 63 characters`(name: String) {
        var job = Samples.trainingJob(nodes: 2)
        job.metadata.name = name
        let children = Self.children(job)
        let kinds = [
            Job.resourceType, Pod.resourceType, PersistentVolumeClaim.resourceType, Service.resourceType,
            Lease.resourceType, EvalRun.resourceType,
        ]
        #expect(Set(children.map(\.type)) == Set(kinds))
        #expect(Set(children.map(\.identity)).count == children.count)
        for child in children {
            #expect(child.key.name.utf8.count <= 63)
            #expect(child.metadata.controller?.uid == job.metadata.uid)
            #expect(child.metadata.labels?[Anneal.Label.managedBy] == Anneal.Label.managedByValue)
            #expect(child.metadata.labels?[Anneal.Label.runUID] == job.metadata.uid)
        }
    }

    @Test
    func `every container of every pod meets the restricted pod security standard`() {
        let job = Samples.trainingJob(nodes: 2) {
            $0.preprocessing = Preprocessing()
            $0.preprocessing?.transform = Transform(image: "registry.example/tokenise:1")
        }
        let specs = Self.pods(Self.children(job)).map(\.spec) + Self.evaluationPods()
        #expect(specs.count == 9)
        for spec in specs {
            #expect(spec.automountServiceAccountToken == false)
            #expect(spec.securityContext?.runAsNonRoot == true)
            #expect(spec.securityContext?.seccompProfile?.type == "RuntimeDefault")
            #expect(spec.restartPolicy == "Never")
            #expect(spec.volumes?.contains { $0.hostPath != nil } == false)
            for container in spec.containers + (spec.initContainers ?? []) {
                #expect(container.securityContext?.allowPrivilegeEscalation == false)
                #expect(container.securityContext?.readOnlyRootFilesystem == true)
                #expect(container.securityContext?.capabilities?.drop == ["ALL"])
                #expect(container.securityContext?.privileged != true)
            }
        }
    }

    @Test
    func `only agents see credentials, and only the sidecar a token`() {
        let job = Samples.trainingJob(nodes: 2) { $0.registration?.credentialsSecretName = "mlflow" }
        let pods = Self.pods(Self.children(job)).map(\.spec) + Self.evaluationPods()
        for spec in pods {
            let secrets = Set((spec.volumes ?? []).filter { $0.secret != nil }.map(\.name))
            for container in spec.containers + (spec.initContainers ?? []) {
                #expect(container.env?.allSatisfy { $0.valueFrom?.secretKeyRef == nil } == true)
                let mounts = (container.volumeMounts ?? []).map(\.name)
                let sees = mounts.contains { secrets.contains($0) }
                #expect(sees == (container.command == ["anneal-agent"]), "\(container.name)")
                let hasToken = container.volumeMounts?.contains { $0.name == "api-token" } == true
                #expect(hasToken == (container.name == "sync"))
            }
        }
    }

    @Test
    func `a trainer's command and environment reach it as they are, and ours win`() throws {
        let job = Samples.trainingJob(nodes: 2) {
            $0.trainer.command = ["sh", "-c", "echo $(HOME) $$ $x\n"]
            $0.trainer.env = [
                EnvironmentVariable(name: "MASTER_ADDR", value: "evil"),
                EnvironmentVariable(name: "MINE", value: "$(POD)"),
            ]
        }
        let pods = Self.pods(Self.children(job)).filter { $0.stage == "train" }
        let second = try #require(pods.last?.spec.containers.first)
        #expect(second.command == ["sh", "-c", "echo $$(HOME) $$$ $x\n"])
        let env = Dictionary(grouping: second.env ?? [], by: \.name).mapValues { $0.map { $0.value ?? "" } }
        #expect(env["MASTER_ADDR"] == ["demo-train-1-0.demo-train.team.svc"])
        #expect(env["MINE"] == ["$$(POD)"])
        #expect(env["RANK"] == ["1"] && env["NODE_RANK"] == ["1"] && env["WORLD_SIZE"] == ["2"])
        #expect(env["NPROC_PER_NODE"] == ["1"])
        #expect(env["ANNEAL_RESUME_FROM"] == nil)
    }

    @Test
    func `a program gets values from Secrets, ConfigMaps and its pod, and images by pull secrets`() throws {
        let variables = [
            EnvironmentVariable(name: "HF_TOKEN", valueFrom: .secret("hub", key: "token")),
            EnvironmentVariable(name: "PROXY", valueFrom: .configMap("network", key: "proxy")),
            EnvironmentVariable(name: "POD", valueFrom: .field("metadata.name")),
            EnvironmentVariable(name: "HOME", valueFrom: .secret("hub", key: "home")),
        ]
        let job = Samples.trainingJob {
            $0.trainer.env = variables
            $0.trainer.imagePullSecrets = [PullSecret(name: "registry")]
        }
        let run = Samples.evalRun {
            $0.evaluator?.env = variables
            $0.evaluator?.imagePullSecrets = [PullSecret(name: "registry")]
        }
        let training = Self.pods(Self.children(job)).filter { $0.stage == "train" }.map(\.spec)
        for pod in training + Self.evaluationPods(run) {
            #expect(pod.imagePullSecrets?.map(\.name) == ["registry"])
            let env = Dictionary(grouping: pod.containers.first?.env ?? [], by: \.name)
            #expect(
                env["HF_TOKEN"]?.map(\.valueFrom?.secretKeyRef) == [KeySelector(name: "hub", key: "token")])
            #expect(
                env["PROXY"]?.map(\.valueFrom?.configMapKeyRef) == [
                    KeySelector(name: "network", key: "proxy")
                ])
            #expect(env["POD"]?.map(\.valueFrom?.fieldRef?.fieldPath) == ["metadata.name"])
            #expect(env["HOME"]?.map(\.value) == ["/tmp"], "ours wins")
        }
        #expect(training.count == 1)
    }

    @Test(arguments: [1, 4])
    func `a single process gets no rendezvous, several on one node meet on it`(count: Int) throws {
        let pods = Self.pods(Self.children(Samples.trainingJob { $0.trainer.numProcPerNode = count }))
        let trainer = try #require(pods.first { $0.stage == "train" }?.spec.containers.first)
        let address = trainer.env?.first { $0.name == "MASTER_ADDR" }?.value
        #expect(address == (count == 1 ? nil : "127.0.0.1"))
    }

    @Test
    func `a trainer may write to its own folders, and to nothing else`() throws {
        let pods = Self.pods(Self.children(Samples.trainingJob()))
        let trainer = try #require(pods.first { $0.stage == "train" }?.spec.containers.first)
        let writable = (trainer.volumeMounts ?? []).filter { $0.readOnly != true }.map(\.mountPath)
        #expect(
            writable.sorted() == [
                "/dev/shm", "/tmp", "/workspace/checkpoints", "/workspace/output", "/workspace/run",
            ])
    }

    @Test
    func `no two attempts write to one folder, and the model is that of the attempt that succeeded`() throws {
        let number = 3
        var world = World(Samples.trainingJob())
        world.nextFate = { pod in
            pod.isTrainer && pod.metadata.labels?[Anneal.Label.attempt] != "\(number)" ? .evicted : .success
        }
        var children: [Child] = []
        world.run { world in
            guard let observation = world.observation() else { return true }
            for effect in TrainingJobPlanner.plan(observation).effects {
                if case .create(let child, _) = effect, !children.contains(child) { children.append(child) }
            }
            return world.phase?.isTerminal == true
        }
        let pods = Self.pods(children)
        let trainers = pods.filter { $0.stage == "train" }
        #expect(trainers.count == number)
        var folders: [[String]] = []
        for pod in trainers {
            for container in pod.spec.containers + (pod.spec.initContainers ?? []) {
                let mounts = (container.volumeMounts ?? []).filter {
                    $0.name == "workspace" && $0.readOnly != true
                }
                #expect(
                    mounts.map(\.mountPath).sorted()
                        == [WorkspacePath.checkpoints, WorkspacePath.output, WorkspacePath.run])
                folders.append(mounts.compactMap(\.subPath).sorted())
            }
        }
        // A trainer and its sidecar share their folders, and nobody else does.
        #expect(folders.count == 2 * number && Set(folders).count == number)
        let all = Set(folders).flatMap(\.self)
        #expect(Set(all).count == all.count && all.count == 3 * number)
        func decoded<C: Decodable>(_ stage: String, _ type: C.Type) throws -> C {
            let pod = try #require(pods.last { $0.stage == stage })
            let text = try #require(pod.metadata.annotations?[ConfigurationAnnotation.agent])
            return try JSONValue(parsing: text).decoded(as: C.self)
        }
        let left = try #require(try decoded("prepare", PrepareConfiguration.self).left)
        #expect(left.newest == number - 1 && left.directory == WorkspacePath.attempts)
        let upload = try decoded("upload", UploadConfiguration.self)
        #expect(upload.trainingAttempt == number)
        #expect(folders.last?.contains { "/workspace/\($0)" == upload.directory } == true)
    }

    @Test
    func `placement becomes selectors and tolerations`() throws {
        let job = Samples.trainingJob {
            $0.placement = Placement()
            $0.placement?.gpuType = "h100"
            $0.placement?.capacityType = .spot
            $0.placement?.nodeSelector = ["zone": "a"]
        }
        let pod = try #require(Self.pods(Self.children(job)).first { $0.stage == "train" }).spec
        #expect(
            pod.nodeSelector == [
                "zone": "a", Anneal.Label.gpuType: "h100", Anneal.Label.capacityType: "spot",
            ])
        #expect(
            pod.tolerations?.contains { $0.tolerates(Taint(key: "nvidia.com/gpu", effect: "NoSchedule")) }
                == true)
        #expect(
            pod.tolerations?.contains { $0.tolerates(Taint(key: "anneal.dev/spot", effect: "NoExecute")) }
                == true)
        var queued = job
        queued.status = TrainingJobStatus(phase: .queued)
        queued.status?.current = StageAttempt(stage: .queued, attempt: 1, startedAt: Samples.start)
        let workload = try #require(
            TrainingJobPlanner.workload(
                of: queued, pods: [], settings: Samples.settings, now: Samples.start))
        let demands = workload.gang.demands
        #expect(demands.nodeSelector == pod.nodeSelector && demands.tolerations == pod.tolerations)
        #expect(workload.gang.resources.requests["cpu"]?.milliunits == 2100, "the sidecar counts")
        #expect(workload.gpuType == "h100" && workload.capacityType == "spot" && workload.gpusPerPod == 1)
    }

    @Test
    func `an annotation holds the configuration that its program decodes`() throws {
        var job = Samples.trainingJob()
        job.metadata.annotations = [Anneal.Annotation.createdBy: "ada"]
        let plain = job.spec
        job.spec.evaluation?.suites[0].parameters = ["large": "value"]
        job.spec.registration?.tags = ["large": "value"]
        let pods = Self.pods(Self.children(job))
        func decoded<C: Decodable>(_ stage: String, _ key: String, _ type: C.Type) throws -> C {
            let text = try #require(pods.first { $0.stage == stage }?.metadata.annotations?[key])
            return try JSONValue(parsing: text).decoded(as: C.self)
        }
        let validate = try decoded("validate", ConfigurationAnnotation.agent, ValidateConfiguration.self)
        #expect(validate.run.attempt == 1 && validate.model.storageUri == "s3://models/base")
        #expect(
            validate.suites == plain.evaluation?.suites && validate.registration == plain.registration)
        let prepare = try decoded("prepare", ConfigurationAnnotation.agent, PrepareConfiguration.self)
        #expect(prepare.checkpointsUri == nil && prepare.resumeDirectory == nil)
        #expect(prepare.cleared.contains(WorkspacePath.checkpoints))
        let trainer = try decoded("train", ConfigurationAnnotation.program, TrainerConfiguration.self)
        #expect(trainer.checkpoint.everySteps == 100 && trainer.method == .lora)
        let sync = try decoded("train", ConfigurationAnnotation.agent, SyncConfiguration.self)
        #expect(sync.leaseName == "demo-train-1")
        let register = try decoded("register", ConfigurationAnnotation.agent, RegisterConfiguration.self)
        #expect(register.alias == "dev")
        #expect(register.lineage["anneal.dev/code-commit"] == "0123abc")
        #expect(register.lineage["anneal.dev/created-by"] == "ada")
        #expect(register.lineage["anneal.dev/model-manifest-sha256"] == Samples.sha)
        #expect(register.lineage["anneal.dev/evaluation-passed"] == "true")
        #expect(register.lineage["anneal.dev/config-sha256"]?.count == 64)
        #expect(register.metrics["quality/perplexity"] == 10)
    }

    @Test
    func `the EvalRun measures the uploaded model, an adapter on its base, on the validation split`() throws {
        let children = Self.children(Samples.trainingJob())
        let run = try #require(
            children.compactMap { $0.of(EvalRun.self) }.first)
        #expect(run.spec.model.sha256 == Samples.sha)
        #expect(run.spec.baseModel?.storageUri == "s3://models/base")
        #expect(run.spec.suites.first?.data?.storageUri.hasSuffix("/data/validation.jsonl") == true)
        #expect(run.spec.suites.first?.format == .promptCompletion)
    }

    @Test
    func `the config digest follows the settings that decide the weights, and no others`() {
        let base = Samples.trainingJob().spec
        let digest = base.configDigest
        #expect(digest?.count == 64)
        let other = Samples.trainingJob { $0.hyperparameters = Hyperparameters() }.spec
        #expect(other.configDigest != digest)
        let elsewhere = Samples.trainingJob {
            $0.artifacts.storageUri = "s3://other"
            $0.runPolicy = RunPolicy()
            $0.placement = Placement()
        }.spec
        #expect(elsewhere.configDigest == digest)
    }
}
