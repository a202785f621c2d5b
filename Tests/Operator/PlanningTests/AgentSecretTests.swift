import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// What agents and programs get of Secrets, and of the cloud's identity of their pods.
struct AgentSecretTests {
    @Test
    func `a program that gets values of a Secret needs the Secret's permission before them`() throws {
        let variables = [
            EnvironmentVariable(name: "A", valueFrom: .secret("hub", key: "a")),
            EnvironmentVariable(name: "B", valueFrom: .secret("judge", key: "b")),
            EnvironmentVariable(name: "C", valueFrom: .secret("hub", key: "c")),
        ]
        let job = Samples.trainingJob(nodes: 2) { $0.trainer.env = variables }
        let run = Samples.evalRun { $0.evaluator?.env = variables }
        let training = ChildrenTests.pods(ChildrenTests.children(job)).filter { $0.stage == "train" }.map(
            \.spec)
        #expect(training.count == 2)
        for pod in training + ChildrenTests.evaluationPods(run) {
            let sources = (pod.containers.first?.env ?? []).compactMap(\.valueFrom?.secretKeyRef)
            #expect(
                sources == [
                    KeySelector(name: "hub", key: "allowedInPrograms"),
                    KeySelector(name: "judge", key: "allowedInPrograms"), KeySelector(name: "hub", key: "a"),
                    KeySelector(name: "judge", key: "b"), KeySelector(name: "hub", key: "c"),
                ])
            // Without `optional`, the kubelet starts no container where the key is missing.
            #expect(sources.allSatisfy { $0.optional == nil })
        }
    }

    @Test
    func `permissions are looked at before a GPU is taken, by agents that see no values`() throws {
        let variables = [EnvironmentVariable(name: "A", valueFrom: .secret("hub", key: "a"))]
        let job = Samples.trainingJob {
            $0.trainer.env = variables
            $0.registration?.credentialsSecretName = "mlflow"
        }
        let run = Samples.evalRun { $0.evaluator?.env = variables }
        let children = ChildrenTests.pods(ChildrenTests.children(job))
        let agents =
            children.filter { ["validate", "prepare"].contains($0.stage) }.compactMap(\.spec.containers.first)
            + ChildrenTests.evaluationPods(run).compactMap(\.initContainers?.first)
        #expect(agents.count == 4)
        for agent in agents {
            let mount = try #require(agent.volumeMounts?.first { $0.name == "program-secrets" })
            #expect(mount.mountPath == "/var/run/secrets/anneal.dev/programs" && mount.readOnly == true)
            #expect(
                agent.env?.contains { $0.name == "ANNEAL_PROGRAM_SECRETS" && $0.value == mount.mountPath }
                    == true)
        }
        for pod in children.map(\.spec) + ChildrenTests.evaluationPods(run) {
            for volume in pod.volumes ?? [] where volume.name == "program-secrets" {
                #expect(
                    volume.projected?.sources?.map(\.secret) == [
                        OptionalItems(
                            name: "hub",
                            items: [KeyToPath(key: "allowedInPrograms", path: "hub/allowedInPrograms")],
                            optional: true)
                    ])
            }
        }
        let keys = { (stage: String) -> [String]? in
            children.first { $0.stage == stage }?.spec.volumes?.first { $0.secret?.secretName == "mlflow" }?
                .secret?.items?.map(\.key)
        }
        #expect(keys("validate") == ["allowedHosts"])
        #expect(keys("register") == ["username", "password", "token", "allowedHosts"])
        #expect(keys("upload") == nil)
    }

    @Test
    func `a Secret that may not go where the run wants ends it in Validating, before a GPU is asked for`() {
        var world = DurabilityTests.world("validate", .secretNotAllowed)
        world.run(until: .failed)
        #expect(world.status?.reason == "SecretNotAllowed")
        #expect(world.status?.message == "Secret 's3' does not say")
        #expect(world.status?.admission == nil && world.status?.trainingAttempts == nil)
    }

    @Test
    func `what a kubelet says of a Secret that does not allow programs comes with the remedy`() {
        var world = TrainingStageTests.world(.stuck)
        world.run { $0.state.pods["demo-train-1-0"]?.status?.startTime != nil }
        var container = ContainerStatus(name: "trainer")
        container.state = ContainerState(
            waiting: ContainerStateWaiting(
                reason: "CreateContainerConfigError",
                message: "couldn't find key allowedInPrograms in Secret team/hub"))
        world.state.pods["demo-train-1-0"]?.status?.containerStatuses = [container]
        world.pass()
        #expect(world.status?.reason == "ContainerConfigurationInvalid")
        #expect(
            world.status?.message?.hasSuffix(
                #"kubectl patch secret hub -p '{"stringData":{"allowedInPrograms":"true"}}'"#) == true)
    }

    @Test
    func `Secrets are files that only their pod's user may read, and the registrar has no keys of S3`() throws
    {
        let pods = ChildrenTests.pods(ChildrenTests.children(Samples.trainingJob()))
        for pod in pods {
            for volume in pod.spec.volumes ?? [] {
                guard let secret = volume.secret else { continue }
                #expect(
                    secret.defaultMode == 0o440 && secret.optional == true && secret.items?.isEmpty == false)
            }
            let hasKeys = pod.spec.volumes?.contains { $0.name == "storage-secret" } == true
            #expect(hasKeys == (pod.stage != "register"), "\(pod.stage)")
        }
    }

    @Test
    func `every agent has the account that a cloud knows, and no program beside it has its identity`() throws
    {
        let job = Samples.trainingJob(nodes: 2) {
            $0.preprocessing = Preprocessing()
            $0.preprocessing?.transform = Transform(image: "registry.example/tokenise:1")
        }
        let pods = ChildrenTests.pods(ChildrenTests.children(job)).map { ($0.metadata, Optional($0.spec)) }
        var world = EvaluationWorld(Samples.evalRun())
        world.passes(4)
        for (metadata, spec) in pods + world.pods.values.map({ ($0.metadata, $0.spec) }) {
            let containers = (spec?.containers ?? []) + (spec?.initContainers ?? [])
            let programs = containers.filter { $0.command != ["anneal-agent"] }.map(\.name)
            let hasAgent = programs.count < containers.count
            #expect(spec?.serviceAccountName == (hasAgent ? "anneal-agent" : nil))
            guard hasAgent, !programs.isEmpty else { continue }
            #expect(
                metadata.annotations?["eks.amazonaws.com/skip-containers"] == programs.joined(separator: ","))
        }
    }
}
