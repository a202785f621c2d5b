import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// Time that a stopped trainer and its sidecar have, and what is told of it.
@Suite("The grace period")
struct GracePeriodTests {
    private static let condition = "GracePeriodTooShort"

    /// A world whose first attempt trains until somebody stops it.
    private static func world(
        grace: Int64? = nil, gpus: Int = 1, change: (inout TrainingJobSpec) -> Void = { _ in }
    ) -> World {
        var world = World(
            Samples.trainingJob {
                $0.trainer.terminationGracePeriodSeconds = grace
                $0.trainer.resourcesPerNode?.gpus = gpus
                change(&$0)
            })
        world.trainingPasses = 50
        world.run { $0.status?.checkpoint != nil }
        return world
    }

    private static func measure(_ world: inout World, _ text: String, attempt: Int = 1) {
        world.state.leases["demo-train-\(attempt)"]?.metadata
            .annotations?[HeartbeatAnnotation.checkpointSeconds] = text
        for _ in 0..<3 { world.pass() }
    }

    /// Deletes the trainer's pod as a node that is drained does; it ends after some seconds.
    private static func stop(_ world: inout World, grace: Int64, after seconds: Int64, exitCode: Int64) {
        let name = "demo-train-1-0"
        world.state.pods[name]?.metadata.deletionGracePeriodSeconds = grace
        world.state.pods[name]?.metadata.deletionTimestamp = world.now.advanced(by: grace)
        world.touchPods()
        world.pass()
        world.now = world.now.advanced(by: seconds)
        world.state.pods[name]?.status?.phase = "Failed"
        world.state.pods[name]?.status?.containerStatuses = [
            ContainerStatus(
                name: "trainer",
                state: ContainerState(
                    terminated: ContainerStateTerminated(exitCode: exitCode, finishedAt: world.now)))
        ]
        world.touchPods()
        for _ in 0..<3 { world.pass() }
    }

    private static func limits(_ world: World, attempt: Int) -> [Int64?] {
        let pod = world.state.pods["demo-train-\(attempt)-0"]
        let variable = pod?.spec?.containers.first?.env?.first { $0.name == EnvironmentName.stopWithin }
        return [pod?.spec?.terminationGracePeriodSeconds, variable?.value.flatMap { Int64($0) }]
    }

    @Test(arguments: [(nil, 120, 70), (Int64(30), 30, 10), (5, 5, 1), (3600, 3600, 2390)])
    func `a trainer is told to end in time for the upload`(asked: Int64?, grace: Int64, trainer: Int64) {
        #expect(Self.limits(Self.world(grace: asked), attempt: 1) == [grace, trainer])
    }

    @Test
    func `times that fit are no news, longer ones are told once, and the next attempt gets them`() throws {
        var world = Self.world()
        Self.measure(&world, #"{"save":30,"upload":80}"#)
        #expect(world.status?.checkpointSeconds == CheckpointSeconds(save: 30, upload: 80))
        #expect(world.status?.conditions?[Self.condition] == nil)
        Self.measure(&world, #"{"save":60,"upload":100}"#)
        let told = try #require(world.status?.conditions?[Self.condition])
        #expect(told.status == .true)
        for number in ["120", "170", "60", "100"] { #expect(told.message.contains(" \(number)")) }
        #expect(told.message.contains("trainer.terminationGracePeriodSeconds"))
        #expect(world.events.filter { $0.reason == Self.condition }.map(\.kind) == [.warning])
        world.terminate("demo-train-1-0")
        world.run { $0.state.pods["demo-train-2-0"] != nil }
        #expect(Self.limits(world, attempt: 2) == [170, 60])
        world.pass()
        #expect(world.status?.conditions?[Self.condition]?.status == .false)
        world.run(until: .completed)
        #expect(world.events.filter { $0.reason == Self.condition }.count == 1)
        #expect(world.violations == [])
    }

    /// What a trainer that was killed would have needed, nobody knows; one that hangs must not get ever more.
    @Test(arguments: [
        (Int64(75), Int64(100), Int64(100), "Measured"), (137, 118, 118, "Killed"), (137, 900, 240, "Killed"),
    ])
    func `how long a trainer took to stop is measured, and told with the upload's time`(
        exitCode: Int64, seconds: Int64, counted: Int64, reason: String
    ) throws {
        var world = Self.world()
        Self.measure(&world, #"{"save":5,"upload":40}"#)
        #expect(world.status?.conditions?[Self.condition] == nil)
        Self.stop(&world, grace: max(120, seconds), after: seconds, exitCode: exitCode)
        #expect(world.status?.checkpointSeconds == CheckpointSeconds(save: 5, stop: counted, upload: 40))
        world.run { $0.state.pods["demo-train-2-0"] != nil }
        #expect(Self.limits(world, attempt: 2).first == counted + 50)
        guard seconds <= 120 else { return }
        let event = try #require(world.events.last { $0.reason == Self.condition })
        #expect(event.note.contains("need \(reason == "Killed" ? "at least " : "")\(counted + 50)"))
    }

    @Test
    func `a stop of Anneal's own gives the time that is needed now`() throws {
        var world = Self.world(gpus: 0)
        Self.measure(&world, #"{"save":60,"upload":100}"#)
        world.changeSpec {
            $0.runPolicy = RunPolicy()
            $0.runPolicy?.suspend = true
        }
        let observation = try #require(world.observation())
        let graces = TrainingJobPlanner.plan(observation).effects.compactMap { effect -> Int64? in
            guard case .delete(let child, let grace) = effect, child.type == Pod.resourceType else {
                return nil
            }
            return grace
        }
        #expect(graces == [170])
    }

    @Test(arguments: [
        #"{"save":-1}"#, #"{"upload":1e30}"#, #"{"upload":9223372036854775807}"#, "[]", "{", "",
    ])
    func `measured times that make no sense are told and left aside`(text: String) {
        var world = Self.world()
        Self.measure(&world, text)
        #expect(world.status?.checkpointSeconds == nil)
        let told = world.status?.conditions?["ProgressReported"]
        #expect(told?.status == .false)
        #expect(told?.message.contains(HeartbeatAnnotation.checkpointSeconds) == true)
    }

    @Test
    func `no grace period is raised beyond an hour, and the status says so`() throws {
        var world = Self.world()
        Self.measure(&world, #"{"save":60,"upload":9000}"#)
        let told = try #require(world.status?.conditions?[Self.condition])
        #expect(told.message.contains("none gets more"))
        world.terminate("demo-train-1-0")
        world.run { $0.state.pods["demo-train-2-0"] != nil }
        #expect(Self.limits(world, attempt: 2) == [3600, 900])
        world.pass()
        #expect(world.status?.conditions?[Self.condition]?.status == .true)
    }
}
