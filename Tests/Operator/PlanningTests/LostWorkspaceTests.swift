import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// A run's volume that is lost is made anew and filled from S3; what was on it alone is told.
@Suite("A lost volume")
struct LostWorkspaceTests {
    private static let annotation = "volume.kubernetes.io/selected-node"

    /// Words of schedulers for a pod whose volume no node reaches.
    static let conflicts = [
        "0/3 nodes are available: 3 node(s) had volume node affinity conflict.",
        "0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity.",
    ]

    private static func lose(_ claim: String, in world: inout World) {
        world.state.claims[claim]?.status = PersistentVolumeClaimStatus(phase: "Lost")
    }

    /// Has all pods without a node wait with the words.
    private static func refuse(_ words: String, in world: inout World) {
        for (name, pod) in world.state.pods where pod.status?.startTime == nil && !pod.isDone {
            world.state.pods[name]?.status?.conditions = [
                PodCondition(
                    type: "PodScheduled", status: .false, reason: "Unschedulable", message: words,
                    lastTransitionTime: pod.status?.conditions?.first?.lastTransitionTime ?? world.now)
            ]
        }
    }

    /// A world whose pods of a stage, in its first attempt, are taken by no node.
    private static func waiting(_ word: String, nodes: Int = 1) -> World {
        var world = World(Samples.trainingJob(nodes: nodes))
        world.nextFate = { pod in
            pod.metadata.labels?[Anneal.Label.stage] == word
                && pod.metadata.labels?[Anneal.Label.attempt] == "1" ? .unschedulable : .success
        }
        world.run { $0.state.pods.keys.contains { $0.contains("-\(word)-1") } }
        world.pass()
        return world
    }

    private static func expectRecovery(_ world: inout World) {
        #expect(world.status?.workspaceGeneration == 2)
        #expect(world.status?.countedFailures == nil)
        let stages: Set<TrainingJobPhase> = [.preprocessing, .preparing]
        #expect(world.phase.map(stages.contains) == true)
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.created.contains { $0.key.name.hasPrefix("demo-prepare-") })
        let users = world.state.pods.values.filter { $0.metadata.labels?[Anneal.Label.stage] == "upload" }
        #expect(
            users.allSatisfy { pod in
                pod.spec?.volumes?.contains {
                    $0.persistentVolumeClaim?.claimName == "demo-workspace-2"
                } == true
            })
        #expect(world.violations == [])
    }

    @Test(arguments: [TrainingJobPhase.preprocessing, .preparing, .queued, .training])
    func `a claim that has lost its volume is followed by another, whenever no pod has the volume`(
        phase: TrainingJobPhase
    ) throws {
        var world = World(Samples.trainingJob())
        world.hasCapacity = phase != .queued
        world.run { $0.phase == phase && $0.state.claims["demo-workspace"] != nil }
        // Nothing of the attempt is there yet.
        if phase != .queued {
            world.state.jobs = world.state.jobs.filter { !$0.key.contains("-p") }
            world.state.pods = [:]
            world.state.job?.status?.current?.launchedAt = nil
            world.touchRun()
        }
        Self.lose("demo-workspace", in: &world)
        world.pass()
        world.hasCapacity = true
        Self.expectRecovery(&world)
    }

    @Test(arguments: conflicts, ["preprocess", "prepare", "train"])
    func `a volume that was made for a node that is gone is followed by another`(words: String, word: String)
    {
        var world = Self.waiting(word)
        world.state.claims["demo-workspace"]?.metadata.annotations = [Self.annotation: "node-a"]
        world.goneNodes = ["node-a"]
        Self.refuse(words, in: &world)
        world.pass()
        #expect(world.status?.workspaceGeneration == nil)
        world.tick(seconds: 70)
        Self.refuse(words, in: &world)
        world.pass()
        Self.expectRecovery(&world)
    }

    @Test(arguments: conflicts)
    func `a volume whose node is there, or whose pods wait for something else, is kept`(words: String) {
        let cases: [(gone: Set<String>, words: String)] = [
            ([], words), (["node-a"], "3 Insufficient nvidia.com/gpu"),
        ]
        for (gone, text) in cases {
            var world = Self.waiting("train")
            world.state.claims["demo-workspace"]?.metadata.annotations = [Self.annotation: "node-a"]
            world.goneNodes = gone
            Self.refuse(text, in: &world)
            world.pass()
            world.tick(seconds: 300)
            Self.refuse(text, in: &world)
            world.pass()
            #expect(world.status?.workspaceGeneration == nil)
            #expect(world.status?.reason == "Unschedulable")
        }
    }

    @Test(arguments: ["preprocess", "prepare", "train"])
    func `a claim that somebody deleted is made anew once the scheduler misses it`(word: String) {
        var world = Self.waiting(word, nodes: word == "train" ? 2 : 1)
        world.state.claims = [:]
        let words = #"0/3 nodes are available: persistentvolumeclaim "demo-workspace" not found."#
        Self.refuse(words, in: &world)
        world.pass()
        #expect(world.status?.workspaceGeneration == nil, "a cache may lag behind")
        world.tick(seconds: 35)
        Self.refuse(words, in: &world)
        world.pass()
        Self.expectRecovery(&world)
    }

    @Test func `a claim that the kubelet misses is made anew as well`() {
        var world = World(Samples.trainingJob())
        world.nextFate = { $0.name == "demo-train-1-0" ? .stuck : .success }
        world.run { $0.state.pods["demo-train-1-0"]?.status?.startTime != nil }
        world.state.claims = [:]
        for pod in world.state.pods.values {
            world.starts[pod.metadata.uid ?? ""] = StartEvent(
                reason: "FailedMount",
                note:
                    "Unable to attach or mount volumes: error processing PVC team/demo-workspace: failed to fetch "
                    + #"PVC from API server: persistentvolumeclaims "demo-workspace" not found"#)
        }
        world.pass()
        world.tick(seconds: 35)
        world.pass()
        Self.expectRecovery(&world)
    }

    @Test func `trainers that have the volume are left alone`() {
        var world = World(Samples.trainingJob())
        world.trainingPasses = 10
        world.run { $0.state.pods["demo-train-1-0"]?.status?.phase == "Running" }
        Self.lose("demo-workspace", in: &world)
        world.pass()
        world.tick()
        world.pass()
        #expect(world.phase == .training)
        #expect(world.status?.trainingAttempts == 1)
    }

    @Test func `what an interrupted run had on a lost volume is not waited for, and its claim is kept`() {
        var world = World(Samples.trainingJob())
        world.trainingPasses = 10
        world.run { $0.status?.checkpoint != nil }
        world.hasUnsavedWork = true
        world.nextFate = { $0.metadata.labels?[Anneal.Label.stage] == "prepare" ? .unschedulable : .success }
        world.state.pods["demo-train-1-0"] = nil
        world.run { $0.state.pods.keys.contains { $0.contains("prepare-2") } }
        Self.lose("demo-workspace", in: &world)
        world.nextFate = { _ in .success }
        world.pass()
        #expect(world.status?.workspaceGeneration == 2)
        #expect(world.status?.reason == "WorkspaceLost")
        world.run { $0.phase == .training }
        #expect(world.state.claims.keys.sorted() == ["demo-workspace", "demo-workspace-2"])
        #expect(world.status?.resume != nil)
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.state.claims.isEmpty)
        #expect(world.violations == [])
    }

    @Test func `a model on a lost volume is waited for, in words, and uploaded once the volume is back`() {
        var world = Self.waiting("upload")
        Self.lose("demo-workspace", in: &world)
        for _ in 0..<5 {
            world.tick(seconds: 600)
            world.pass()
        }
        #expect(world.phase == .uploading)
        #expect(world.status?.reason == "WorkspaceLost")
        #expect(world.status?.message?.contains("the trained model was nowhere else") == true)
        #expect(world.status?.holdsOnlyCopy == true)
        #expect(world.state.claims["demo-workspace"] != nil)
        world.state.claims["demo-workspace"]?.status = PersistentVolumeClaimStatus(phase: "Bound")
        for name in world.fates.keys { world.fates[name] = .success }
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.violations == [])
    }

    @Test func `a model whose claim was deleted ends the run, which says what S3 has`() throws {
        var world = Self.waiting("upload")
        world.state.claims = [:]
        let words = #"persistentvolumeclaim "demo-workspace" not found"#
        Self.refuse(words, in: &world)
        world.tick(seconds: 60)
        Self.refuse(words, in: &world)
        world.pass()
        #expect(world.phase == .failed)
        #expect(world.status?.reason == "WorkspaceLost")
        let step = try #require(world.status?.checkpoint?.step)
        #expect(world.status?.message?.contains("the checkpoint at step \(step)") == true)
        #expect(world.state.claims.isEmpty)
    }
}
