import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// Whatever holds a run up is in its status.
@Suite("A wait")
struct SilentWaitTests {
    @Test(arguments: ["QuotaExceeded", "Forbidden"])
    func `a gang that is refused halfway is taken down, and queues again, later each time`(reason: String) {
        var world = World(Samples.trainingJob(nodes: 2))
        world.run { $0.phase == .training && $0.state.pods["demo-train-1-0"] != nil }
        var waits: [Int64] = []
        for attempt in 1...5 {
            world.state.pods["demo-train-\(attempt)-1"] = nil
            world.state.job?.status?.current?.launchedAt = nil
            world.state.job?.status?.conditions?.set(
                Condition(
                    type: "Applied", status: .false, observedGeneration: 1, lastTransitionTime: world.now,
                    reason: reason,
                    message: "Refused, and tried again: create Pod team/demo-train-\(attempt)-1: \(reason)"))
            world.touchRun()
            world.pass()
            #expect(world.phase == .queued)
            #expect(world.status?.reason == reason)
            #expect(world.status?.message?.contains("demo-train-\(attempt)-1") == true)
            #expect(world.status?.countedFailures == nil)
            #expect(world.state.pods.values.allSatisfy { $0.metadata.deletionTimestamp != nil || $0.isDone })
            if let current = world.status?.current, let start = current.notBefore {
                waits.append(start.seconds(since: current.startedAt))
            }
            let next = "demo-train-\(attempt + 1)-0"
            world.run { $0.state.pods[next] != nil }
            #expect(world.state.pods[next] != nil)
        }
        #expect(waits == [10, 20, 40, 80, 160])
    }

    @Test(arguments: ["TooManyRequests", "InternalError", "ServiceUnavailable", "Timeout"])
    func `a gang that a busy API server did not take is launched on`(reason: String) {
        var world = World(Samples.trainingJob(nodes: 2))
        world.run { $0.phase == .training && $0.state.pods["demo-train-1-0"] != nil }
        world.state.pods["demo-train-1-1"] = nil
        world.state.job?.status?.current?.launchedAt = nil
        world.state.job?.status?.conditions?.set(
            Condition(
                type: "Applied", status: .false, observedGeneration: 1, lastTransitionTime: world.now,
                reason: reason, message: "Refused, and tried again"))
        world.touchRun()
        world.pass()
        #expect(world.phase == .training)
        #expect(world.state.pods["demo-train-1-1"] != nil)
        world.run(until: .completed)
        #expect(world.status?.trainingAttempts == 1)
    }

    @Test
    func `a run that waits out a backoff makes no claim to GPUs`() throws {
        var job = Samples.trainingJob()
        job.status = TrainingJobStatus(phase: .queued)
        job.status?.current = StageAttempt(
            stage: .queued, attempt: 2, startedAt: Samples.start, notBefore: Samples.start.advanced(by: 60))
        func claim() -> Bool {
            TrainingJobPlanner.workload(of: job, pods: [], settings: Samples.settings, now: Samples.start)
                != nil
        }
        #expect(!claim())
        let due = TrainingJobPlanner.plan(
            TrainingJobObservation(run: job, now: Samples.start.advanced(by: 60), settings: Samples.settings))
        #expect(due.status.current?.notBefore == nil)
        job.status = due.status
        #expect(claim())
    }

    @Test(arguments: ["validate", "train"])
    func `pods that no node takes show the scheduler's words within a minute`(word: String) {
        var world = World(Samples.trainingJob())
        world.nextFate = { $0.metadata.labels?[Anneal.Label.stage] == word ? .unschedulable : .success }
        world.run { world in
            world.state.pods.values.contains { $0.metadata.labels?[Anneal.Label.stage] == word }
        }
        let name = world.state.pods.keys.first { $0.contains(word) } ?? ""
        world.tick()
        world.state.pods[name]?.status?.conditions = [
            PodCondition(
                type: "PodScheduled", status: .false, reason: "Unschedulable",
                message: "0/3 nodes are available: 3 Insufficient cpu.", lastTransitionTime: world.now)
        ]
        world.pass()
        world.tick(seconds: 45)
        world.pass()
        #expect(world.status?.reason == "Unschedulable")
        #expect(world.status?.message?.contains("3 Insufficient cpu") == true)
    }

    @Test
    func `a Job that gets no pod is told within a minute, until it has one`() {
        var world = World(Samples.trainingJob())
        world.run { !$0.state.jobs.isEmpty }
        let job = world.state.jobs.values.first
        world.pass()
        #expect(world.status?.reason == nil)
        // No controller makes the pod: the account that it needs is missing.
        world.now = world.now.advanced(by: 61)
        world.pass()
        #expect(world.status?.reason == "NotStarted")
        #expect(world.status?.message?.contains("describe job \(job?.name ?? "")") == true)
        #expect(world.status?.message?.contains("'anneal-agent'") == true)
        world.run { $0.phase == .training }
        #expect(world.status?.reason == nil)
    }

    @Test
    func `a volume that nobody can make is named with its storage class`() {
        var world = World(
            Samples.trainingJob {
                $0.workspace = Workspace()
                $0.workspace?.storageClassName = "fats"
            })
        world.nextFate = {
            $0.metadata.labels?[Anneal.Label.stage] == "preprocess" ? .unschedulable : .success
        }
        world.run { $0.state.claims["demo-workspace"] != nil }
        world.state.claims["demo-workspace"]?.status = PersistentVolumeClaimStatus(phase: "Pending")
        for _ in 0..<5 {
            world.tick()
            world.pass()
        }
        #expect(world.status?.message?.contains("StorageClass fats") == true)
    }

    @Test
    func `a pod that a node took and did not start is told within a minute, and replaced after the limit`() {
        var world = TrainingStageTests.world(.stuck)
        world.run { $0.state.pods["demo-train-1-0"]?.status?.startTime != nil }
        for name in world.state.pods.keys { world.state.pods[name]?.spec?.nodeName = "gpu-1" }
        world.pass()
        world.tick(seconds: 31)
        world.pass()
        #expect(world.status?.reason == "NotStarted")
        #expect(world.status?.message?.contains("kubectl describe pod demo-train-1-0") == true)
        world.tick(seconds: 600)
        world.pass()
        #expect(world.phase == .preparing)
        #expect(world.status?.countedFailures == nil)
        world.run(until: .completed)
        #expect(world.status?.trainingAttempts == 2)
        #expect(world.violations == [])
    }

    @Test
    func `a pod of a CPU stage that does not start is told as well`() {
        var world = World(Samples.trainingJob())
        world.nextFate = { $0.metadata.labels?[Anneal.Label.stage] == "prepare" ? .stuck : .success }
        world.run { world in
            world.state.pods.values.contains { $0.name.contains("prepare") && $0.status?.startTime != nil }
        }
        for _ in 0..<4 {
            world.tick()
            world.pass()
        }
        #expect(world.phase == .preparing)
        #expect(world.status?.reason == "NotStarted")
    }
}
