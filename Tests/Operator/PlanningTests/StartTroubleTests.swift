import AnnealAPI
import KubernetesAPI
import Testing

@testable import Planning

/// Pods that a node took and that do not start: what a run says, and what it does.
@Suite("A pod that does not start")
struct StartTroubleTests {
    private static let missing = StartEvent(
        reason: "FailedMount", note: #"MountVolume.SetUp failed for volume "creds" : secret "none" not found"#
    )
    private static let sandbox = StartEvent(
        reason: "FailedCreatePodSandBox", note: "Failed to create pod sandbox: plugin type=\"cni\" failed")
    private static let pulling = StartEvent(
        reason: "Pulling", note: "Pulling image \"registry.example/sft:1\"", isPulling: true)

    /// A world in which the pods of a stage stay without containers on a node. `ranks` are those that do; nil: all.
    private static func world(_ word: String, nodes: Int = 1, ranks: Set<String>? = nil) -> World {
        var world = World(Samples.trainingJob(nodes: nodes))
        world.trainingPasses = 100
        world.nextFate = { pod in
            let rank = pod.metadata.labels?[Anneal.Label.nodeRank]
            let isOne = ranks.map { $0.contains(rank ?? "") } ?? true
            return pod.metadata.labels?[Anneal.Label.stage] == word && isOne ? .stuck : .success
        }
        world.run { $0.state.pods.values.contains { $0.isStuck(word) } }
        for name in world.state.pods.keys where world.state.pods[name]?.isStuck(word) == true {
            world.state.pods[name]?.spec?.nodeName = "node-a"
        }
        return world
    }

    /// Lets the kubelet say something about all pods that wait.
    private static func say(_ event: StartEvent, in world: inout World) {
        for pod in world.state.pods.values where pod.waitsToStart {
            world.starts[pod.metadata.uid ?? ""] = event
        }
    }

    @Test(arguments: ["validate", "preprocess", "prepare", "train", "upload", "register"])
    func `the kubelet's words are in the status within a minute, in every stage`(word: String) {
        var world = Self.world(word)
        Self.say(Self.missing, in: &world)
        world.pass()
        world.tick(seconds: 25)
        world.pass()
        #expect(world.status?.reason == "FailedMount")
        #expect(world.status?.message?.contains(#"secret "none" not found"#) == true)
        #expect(world.status?.message?.contains("make the Secret that is missing") == true)
    }

    @Test(arguments: ["validate", "preprocess", "prepare", "train"])
    func `what no other node has fails the run after ten minutes, with the remedy`(word: String) {
        var world = Self.world(word)
        Self.say(Self.missing, in: &world)
        world.pass()
        world.tick(seconds: 590)
        world.pass()
        #expect(world.phase?.isTerminal == false)
        world.tick(seconds: 30)
        world.pass()
        #expect(world.phase == .failed)
        #expect(world.status?.reason == "FailedMount")
        #expect(
            world.status?.message?.contains("make the Secret that is missing, or correct its name") == true)
        #expect(world.status?.avoidedNodes == nil)
        #expect(world.violations == [])
    }

    @Test(arguments: ["validate", "preprocess", "prepare", "train", "upload", "register"])
    func `what another node may have is tried on another, uncounted`(word: String) {
        var world = Self.world(word)
        Self.say(Self.sandbox, in: &world)
        world.pass()
        world.tick(seconds: 620)
        world.pass()
        #expect(world.status?.avoidedNodes?.map(\.name) == ["node-a"])
        #expect(world.status?.avoidedNodes?.map(\.reason) == ["FailedCreatePodSandBox"])
        #expect(world.status?.countedFailures == nil)
        world.trainingPasses = 3
        world.nextFate = { _ in .success }
        world.run { $0.state.pods.values.contains { $0.metadata.labels?[Anneal.Label.attempt] == "2" } }
        for pod in world.state.pods.values where pod.metadata.labels?[Anneal.Label.attempt] == "2" {
            let terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution
            #expect(terms?.first?.preference.matches(labels: [:], name: "node-a") == false)
            #expect(terms?.first?.preference.matches(labels: [:], name: "node-b") == true)
        }
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.violations == [])
    }

    @Test(arguments: [["0"], ["1"], ["2"], ["0", "2"], ["0", "1", "2"]] as [Set<String>])
    func `whichever ranks of a gang do not start, none holds a GPU for longer than the limit`(
        ranks: Set<String>
    ) {
        var world = Self.world("train", nodes: 3, ranks: ranks)
        Self.say(Self.sandbox, in: &world)
        world.pass()
        world.tick(seconds: 30)
        world.pass()
        #expect(world.status?.reason == "FailedCreatePodSandBox")
        for _ in 0..<20 {
            world.tick(seconds: 30)
            world.pass()
        }
        let holding = world.state.pods.values.filter { $0.isTrainer && $0.metadata.deletionTimestamp == nil }
        #expect(holding.allSatisfy { $0.metadata.labels?[Anneal.Label.attempt] != "1" })
        #expect(world.status?.stages?.first { $0.name == .training }?.lastFailure?.contains("cni") == true)
        #expect(world.status?.countedFailures == nil)
        #expect(world.violations == [])
    }

    @Test func `an image that is being pulled has the time of a start`() {
        var world = Self.world("train")
        Self.say(Self.pulling, in: &world)
        world.pass()
        world.tick(seconds: 700)
        world.pass()
        #expect(world.phase == .training)
        #expect(world.status?.reason == "ImagePulling")
        #expect(world.status?.message?.contains("registry.example/sft:1") == true)
        world.tick(seconds: 1200)
        world.pass()
        #expect(world.phase == .preparing)
        #expect(world.status?.countedFailures == nil)
    }

    @Test func `a Job that gets no pod says why, and goes on once it has one`() throws {
        var world = World(Samples.trainingJob())
        world.run { $0.state.jobs["demo-validate-1"] != nil }
        let job = try #require(world.state.jobs["demo-validate-1"])
        // Its controller has seen it, and is refused.
        world.state.jobs["demo-validate-1"]?.status = JobStatus()
        world.pass()
        #expect(world.status?.reason == nil)
        func refuse(_ name: String) {
            world.starts[job.metadata.uid ?? ""] = StartEvent(
                reason: "FailedCreate",
                note: "Error creating: pods \"demo-validate-1-\(name)\" is forbidden: exceeded quota: team")
        }
        world.now = world.now.advanced(by: 25)
        refuse("x7k2p")
        world.pass()
        #expect(world.status?.reason == "FailedCreate")
        #expect(world.status?.message?.contains("exceeded quota: team") == true)
        let message = world.status?.message
        refuse("bz9qd")
        world.pass()
        #expect(world.status?.message == message)
        world.state.jobs["demo-validate-1"]?.status = nil
        world.run(until: .completed)
        #expect(world.phase == .completed)
    }

    @Test func `words that change in passing alone stay as they were`() {
        var world = Self.world("train")
        var texts: Set<String> = []
        for attempt in 10..<20 {
            Self.say(
                StartEvent(
                    reason: "FailedCreatePodSandBox",
                    note: "sandbox \"3f2a90c1b7de44\(attempt)\" in \(attempt)s"),
                in: &world)
            world.pass()
            world.tick(seconds: 30)
            world.pass()
            world.status?.message.map { _ = texts.insert($0) }
        }
        #expect(texts.count == 1)
    }

    @Test func `a cause that was repaired makes room for the next`() {
        var world = Self.world("train")
        Self.say(Self.missing, in: &world)
        world.pass()
        world.tick(seconds: 30)
        world.pass()
        Self.say(
            StartEvent(reason: "FailedMount", note: Self.missing.note.replacing("none", with: "next")),
            in: &world)
        world.pass()
        #expect(world.status?.message?.contains(#"secret "next" not found"#) == true)
    }

    @Test func `a model that waits to be uploaded outlives a pod that never starts`() {
        var world = Self.world("upload")
        for _ in 0..<40 {
            world.tick(seconds: 700)
            for name in world.state.pods.keys { world.state.pods[name]?.spec?.nodeName = "node-a" }
            world.pass()
            world.tick(seconds: 700)
            world.pass()
        }
        #expect(world.phase == .uploading)
        world.nextFate = { _ in .success }
        world.run(until: .completed)
        #expect(world.phase == .completed)
    }

    @Test func `a node is avoided for an hour, and eight at most`() {
        var draft = TrainingJobDraft(
            TrainingJobObservation(run: Samples.trainingJob(), now: Samples.start, settings: Samples.settings)
        )
        for number in 1...20 {
            draft.avoid(
                StartTrouble(reason: "NotStarted", message: "", node: "n\(number)", cure: .otherNode))
        }
        #expect(draft.status.avoidedNodes?.count == 8)
        #expect(draft.avoidedNodes.last == "n20")
        draft.avoid(StartTrouble(reason: "NotStarted", message: "", node: "n15", cure: .otherNode))
        #expect(draft.avoidedNodes.last == "n15")
        #expect(draft.avoidedNodes.count == 8)
        var observation = TrainingJobObservation(
            run: Samples.trainingJob(), now: Samples.start.advanced(by: 3601), settings: Samples.settings)
        observation.run.status = draft.status
        #expect(TrainingJobDraft(observation).avoidedNodes == [])
    }

    @Test(arguments: [
        ("ErrImagePull", "manifest unknown", StartTrouble.Cure.person),
        ("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout", .otherNode),
        ("ErrImagePull", "429 Too Many Requests", .otherNode),
        ("InvalidImageName", "couldn't parse image reference", .person),
        ("CreateContainerConfigError", "secret \"x\" not found", .person),
        ("CreateContainerError", "failed to reserve container name", .otherNode),
        ("RunContainerError", "exec: \"trian\": executable file not found in $PATH", .person),
        ("RunContainerError", "nvidia-container-cli: initialization error: driver error", .otherNode),
    ])
    func `what a container's status says is told from what another node may do better`(
        _ reason: String, _ words: String, _ cure: StartTrouble.Cure
    ) throws {
        var pod = Pod(metadata: ObjectMeta(name: "p", namespace: "team"), spec: PodSpec(containers: []))
        pod.status = PodStatus(phase: "Pending")
        pod.status?.startTime = Samples.start
        pod.status?.containerStatuses = [
            ContainerStatus(
                name: "trainer",
                state: ContainerState(waiting: ContainerStateWaiting(reason: reason, message: words)))
        ]
        let trouble = try #require(pod.startTrouble(nil))
        #expect(trouble.cure == cure)
        #expect(trouble.message.contains(words))
        #expect(pod.waitsToStart)
    }

    @Test func `a back-off says what the pull before it said`() throws {
        var pod = Pod(metadata: ObjectMeta(name: "p", namespace: "team"), spec: PodSpec(containers: []))
        pod.status = PodStatus(phase: "Pending")
        pod.status?.startTime = Samples.start
        pod.status?.containerStatuses = [
            ContainerStatus(
                name: "trainer",
                state: ContainerState(
                    waiting: ContainerStateWaiting(
                        reason: "ImagePullBackOff", message: "Back-off pulling image \"x\"")))
        ]
        let failed = StartEvent(reason: "Failed", note: "Failed to pull image \"x\": i/o timeout")
        #expect(try #require(pod.startTrouble(failed)).cure == .otherNode)
        #expect(try #require(pod.startTrouble(nil)).isRepetition)
    }
}

extension Pod {
    fileprivate func isStuck(_ word: String) -> Bool {
        metadata.labels?[Anneal.Label.stage] == word && status?.startTime != nil && waitsToStart
    }
}
