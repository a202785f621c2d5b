import AnnealAPI
import KubernetesAPI
import Planning
import Scheduling
import Testing

@Suite("Admissions and wishes to stop")
struct AdmissionTests {
    private func training() -> World {
        var world = World(Samples.trainingJob())
        world.trainingPasses = 50
        world.run(until: .training)
        world.run { $0.state.pods.values.contains { $0.isTrainer && $0.status?.phase == "Running" } }
        world.run { $0.status?.checkpoint != nil }
        return world
    }

    @Test func `a queued run begins nothing before the scheduler's word`() {
        var world = World(Samples.trainingJob())
        world.hasCapacity = false
        world.run(until: .queued)
        for _ in 0..<5 {
            world.pass()
            world.tick()
        }
        #expect(world.phase == .queued && world.status?.admission == nil)
        #expect(world.status?.reason == "WaitingForCapacity" && world.status?.message == "full")
        #expect(world.status?.conditions?["Admitted"]?.status == .false)
        world.hasCapacity = true
        world.pass()
        #expect(world.phase == .training)
        #expect(world.status?.admission?.attempt == 1 && world.status?.admission?.gpus == 1)
        #expect(world.status?.admission?.admittedBy == "test")
    }

    @Test func `an admission of another attempt lets nothing in`() {
        var world = World(Samples.trainingJob())
        world.hasCapacity = false
        world.run(until: .queued)
        world.state.job?.status?.admission = Admission(
            attempt: 7, pods: 1, gpus: 1, admittedAt: world.now, admittedBy: "somebody")
        guard let observation = world.observation() else { return }
        #expect(TrainingJobPlanner.plan(observation).status.phase == .queued)
    }

    @Test func `an admission keeps room for its pods until they exist, and goes when the attempt is over`()
        throws
    {
        var world = World(Samples.trainingJob(nodes: 2))
        world.run(until: .queued)
        world.schedule()
        func workload() -> Workload? {
            world.state.job.flatMap {
                TrainingJobPlanner.workload(
                    of: $0, pods: Array(world.state.pods.values), settings: world.settings, now: world.now)
            }
        }
        #expect(workload()?.state == .admitted(outstanding: 2))
        world.run { $0.state.pods.values.contains { $0.isTrainer } }
        #expect(workload()?.state == .admitted(outstanding: 0))
        world.run { $0.phase == .training && $0.status?.current?.launchedAt != nil }
        let lagging = world.state.job.flatMap {
            TrainingJobPlanner.workload(of: $0, pods: [], settings: world.settings, now: world.now)
        }
        #expect(lagging?.state == .admitted(outstanding: 2), "a new leader's watch may not tell of them yet")
        world.run(until: .uploading)
        #expect(workload()?.state == .released)
        world.pass()
        #expect(world.status?.admission == nil)
    }

    @Test func `a run that is preempted saves a checkpoint, queues again, and keeps its place`() throws {
        var world = training()
        let since = world.status?.stages?.first { $0.name == .queued }?.startedAt
        world.hasCapacity = false
        world.revoke(.preempted)
        let before = try #require(world.status?.checkpoint?.step)
        world.run { $0.phase != .training }
        #expect(world.phase == .preparing && world.status?.reason == "Preempted")
        #expect(world.status?.conditions?.isTrue("Preempted") == true)
        #expect(world.status?.countedFailures == nil)
        world.run { $0.status?.reason == "WaitingForCapacity" }
        let step = try #require(world.status?.resume?.step)
        #expect(step > before, "the checkpoint of the end was not taken")
        #expect(world.state.pods.values.allSatisfy { !$0.isTrainer || $0.isDone })
        #expect(world.status?.admission == nil)
        let workload = world.state.job.flatMap {
            TrainingJobPlanner.workload(of: $0, pods: [], settings: world.settings, now: world.now)
        }
        #expect(workload?.waitingSince == since && workload?.attempt == 2)
        world.hasCapacity = true
        world.trainingPasses = 3
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.violations == [])
    }

    @Test func `a run whose budget is used up is suspended until the scheduler lets go of it`() {
        var world = training()
        world.revoke(.budgetExhausted)
        world.run { $0.phase == .suspended }
        #expect(world.status?.reason == "BudgetExhausted")
        for _ in 0..<20 {
            world.pass()
            world.tick()
        }
        #expect(world.phase == .suspended && world.status?.admission?.revoked != nil)
        #expect(world.state.pods.values.allSatisfy { !$0.isTrainer || $0.isDone })
        world.state.job?.status?.admission = nil
        world.touchRun()
        world.trainingPasses = 3
        world.run(until: .completed)
        #expect(world.phase == .completed)
    }

    @Test func `a run that its parent stops saves a checkpoint, gives its GPUs back and ends as Pruned`()
        throws
    {
        var world = training()
        let before = try #require(world.status?.checkpoint?.step)
        world.changeSpec { spec in
            spec.runPolicy = spec.runPolicy ?? RunPolicy()
            spec.runPolicy?.stop = StopRequest(
                reason: "MedianPruned", message: "worse than half of the others")
        }
        world.pass()
        #expect(world.phase == .training && world.status?.reason == "Stopping")
        world.run(until: .pruned)
        #expect(world.phase == .pruned)
        #expect(world.status?.reason == "MedianPruned")
        #expect(try #require(world.status?.checkpoint?.step) > before)
        #expect(world.state.pods.values.allSatisfy { !$0.isTrainer || $0.isDone })
        #expect(world.status?.conditions?["Finished"]?.reason == "Pruned")
        #expect(world.status?.gpuSeconds ?? 0 > 0 && world.status?.gpusHeldSince == nil)
        world.pass()
        #expect(world.status?.admission == nil && world.violations == [])
    }

    @Test func `a run that is stopped before it holds anything ends at once`() {
        var world = World(Samples.trainingJob())
        world.run(until: .preprocessing)
        world.changeSpec { spec in
            spec.runPolicy = spec.runPolicy ?? RunPolicy()
            spec.runPolicy?.stop = StopRequest(reason: "Cancelled")
        }
        world.pass()
        #expect(world.phase == .pruned)
    }

    @Test func `an evaluation runs no more suites at once than it was let in for`() {
        var world = EvaluationWorld()
        world.decision = .admit(pods: 1)
        world.passes(6)
        #expect(world.run.status?.phase == .evaluating && world.pods.count == 1)
        for name in world.pods.keys { world.finish(name, message: EvalRunTests.good) }
        world.passes(3)
        #expect(world.created.count == 2)
        for name in world.pods.keys { world.finish(name, message: EvalRunTests.good) }
        world.passes(4)
        #expect(world.run.status?.phase == .passed && world.run.status?.admission == nil)
    }
}
