import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import Planning
import SeededRandomness
import Testing

/// Seeded runs of a world in which everything goes wrong for a while.
@Suite("Under chaos")
struct SimulationTests {
    /// Seeds of a run of the tests; more by ANNEAL_SIMULATION_SEEDS.
    static let seeds =
        ProcessInfo.processInfo.environment["ANNEAL_SIMULATION_SEEDS"].flatMap { Int($0) } ?? 800

    @Test(arguments: 0..<8)
    func `every run ends, and the invariants hold on the way`(shard: Int) {
        var ends: [TrainingJobPhase: Int] = [:]
        for seed in stride(from: shard, to: Self.seeds, by: 8) {
            var simulation = Simulation(seed: UInt64(seed))
            simulation.run()
            #expect(simulation.problems == [], "seed \(seed)")
            if let phase = simulation.world.phase { ends[phase, default: 0] += 1 }
        }
        // The chaos must leave some runs whole and break others, or it shows nothing.
        #expect(ends[.completed, default: 0] > 10 && ends[.failed, default: 0] > 0, "\(ends)")
    }
}

/// One seeded run: a world, an operator with a stale cache that crashes, and a user who changes their mind.
struct Simulation {
    var world: World
    var problems: [String] = []
    private var random: SeededGenerator
    /// States of the API server, oldest first; the cache shows one of these.
    private var history: [World.State] = []
    private var cached = 0
    /// Oldest state that the cache may show, as the operator created something then.
    private var ownWrites = 0
    /// Step at which chaos ends, so that runs end too.
    private var trouble: Int
    private var wasDeleted = false

    init(seed: UInt64) {
        random = SeededGenerator(simulation: seed)
        let nodes = random.chance(0.4) ? 2 : 1
        let backoffLimit = Int.random(in: 0...4, using: &random)
        let hasTTL = random.chance(0.1)
        world = World(
            Samples.trainingJob(
                nodes: nodes, evaluation: random.chance(0.7), registration: random.chance(0.7)
            ) { spec in
                spec.runPolicy = RunPolicy()
                spec.runPolicy?.backoffLimit = backoffLimit
                spec.runPolicy?.heartbeatTimeoutSeconds = 60
                if hasTTL { spec.runPolicy?.ttlSecondsAfterFinished = 600 }
            })
        if nodes == 1, random.chance(0.4), let source = Self.sources.randomElement(using: &random),
            let spec = world.state.job?.spec
        {
            world = ContinuationTests.world(continuing: source) {
                $0 = Self.continuing(spec, $0.continueFrom)
            }
        }
        world.settings.unschedulableSeconds = 120
        world.settings.forceDeleteSeconds = 60
        trouble = Int.random(in: 0..<120, using: &random)
        world.verdict = random.chance(0.85) ? .passed : .failed
    }

    /// Runs that others continue: with a model, with one on the volume alone, with checkpoints there alone.
    private static let sources = [
        ContinuationTests.completed, ContinuationTests.denied, ContinuationTests.unsaved,
    ]

    private static func continuing(
        _ spec: TrainingJobSpec, _ wish: ContinuationSource?
    ) -> TrainingJobSpec {
        var spec = spec
        spec.continueFrom = wish
        return spec
    }

    mutating func run() {
        let limit = 1200
        for step in 0..<limit {
            history.append(world.state)
            if step == trouble { calm() }
            let hasTrouble = step < trouble
            prepareFate(hasTrouble: hasTrouble)
            if hasTrouble { disturb() }
            reconcile(hasTrouble: hasTrouble)
            problems += world.violations
            if !problems.isEmpty { return }
            if world.state.job == nil || (world.phase?.isTerminal == true && step > trouble) {
                return settle()
            }
            world.tick(seconds: hasTrouble ? Int64.random(in: 1...200, using: &random) : 30)
        }
        problems.append("has not ended after \(limit) steps: \(String(describing: world.status))")
    }

    private mutating func calm() {
        world.hasCapacity = true
        world.hasBudget = true
        if world.state.job?.spec.runPolicy?.suspend == true {
            world.changeSpec { $0.runPolicy?.suspend = false }
        }
        for name in world.fates.keys where world.state.pods[name]?.isDone == false {
            world.fates[name] = .success
        }
    }

    private mutating func prepareFate(hasTrouble: Bool) {
        let fates: [World.Fate] = [
            .success, .success, .success, .exit(1), .exit(137), .evicted, .evicted, .stopped, .vanishes,
            .unschedulable, .silent,
            .accessDenied, .stuck,
        ]
        let deadly: [World.Fate] = [.outOfMemory, .badInput, .noImage]
        var fate = World.Fate.success
        if hasTrouble, let some = fates.randomElement(using: &random) {
            fate = random.chance(0.03) ? deadly.randomElement(using: &random) ?? .success : some
        }
        // Training gets more of it than the stages before, which must be passed first.
        let isMild = random.chance(0.6)
        world.nextFate = { [fate] pod in pod.isTrainer || !isMild ? fate : .success }
    }

    /// Disturbs the world as users, nodes and other controllers do.
    private mutating func disturb() {
        if random.chance(0.03) {
            let wanted = world.state.job?.spec.runPolicy?.suspend != true
            world.changeSpec { $0.runPolicy?.suspend = wanted }
        }
        if random.chance(0.1) { world.hasCapacity.toggle() }
        if random.chance(0.03) { world.revoke(random.chance(0.7) ? .preempted : .budgetExhausted) }
        if random.chance(0.1) { world.giveBudget() }
        if random.chance(0.002) {
            world.changeSpec { $0.runPolicy?.stop = StopRequest(reason: "MedianPruned") }
        }
        if random.chance(0.05),
            let pod = world.state.pods.values.map(\.name).sorted().randomElement(using: &random)
        {
            world.terminate(pod)
        }
        if random.chance(0.02), let job = launchedJob() {
            world.delete(job, now: false)
        }
        if random.chance(0.03), let lease = world.state.leases.keys.sorted().first {
            world.state.leases[lease]?.metadata.annotations = [
                HeartbeatAnnotation.progress: "{\"step\":1e999", HeartbeatAnnotation.checkpoint: "[[[[",
            ]
        }
        if random.chance(0.003), !wasDeleted {
            wasDeleted = true
            world.deleteRun()
        }
    }

    /// A Job of the current attempt that the operator has seen, nil if there is none; one that it has not
    /// seen is created again.
    private mutating func launchedJob() -> ChildReference? {
        guard world.status?.current?.launchedAt != nil, cached >= history.count - 1,
            let name = world.state.jobs.keys.sorted().randomElement(using: &random),
            let uid = world.state.jobs[name]?.metadata.uid
        else { return nil }
        return ChildReference(type: Job.resourceType, key: ObjectKey(namespace: "team", name: name), uid: uid)
    }

    private mutating func reconcile(hasTrouble: Bool) {
        let newest = history.count - 1
        let lag = hasTrouble && random.chance(0.5) ? Int.random(in: 0...4, using: &random) : 0
        // A watch never goes back in time.
        cached = max(cached, ownWrites, newest - lag)
        // The scheduler has caches of its own, as old as it likes.
        let behind = hasTrouble ? Int.random(in: 0...4, using: &random) : 0
        world.schedule(observing: behind == 0 ? nil : history[max(0, newest - behind)])
        guard let observation = world.observation(of: history[min(cached, newest)]) else { return }
        let plan = TrainingJobPlanner.plan(observation)
        if random.chance(0.05), TrainingJobPlanner.plan(observation) != plan {
            problems.append("two plans for one observation")
        }
        let crash = hasTrouble && random.chance(0.15) ? Int.random(in: 0...3, using: &random) : nil
        let result = world.apply(plan, of: observation, crashAfter: crash)
        switch result {
        case .done:
            // The reply is lost: the operator does the same once more.
            if hasTrouble, random.chance(0.05) { _ = world.apply(plan, of: observation) }
            if plan.makesChildren { ownWrites = history.count }
        case .conflict: break
        case .crashed:
            // The next process lists afresh, and knows of no creation.
            world.ownUIDs = []
            world.secret += "'"
            ownWrites = history.count
            cached = history.count
        }
        checkHoldings()
    }

    private mutating func checkHoldings() {
        let held = world.status?.gpuSeconds ?? 0
        let most = Int64(world.status?.gpus ?? 0) * max(0, world.now.seconds(since: Samples.start))
        if held > most { problems.append("gpuSeconds \(held) is more than could be held, \(most)") }
        let attempts = Set(
            world.state.pods.values.filter { $0.isTrainer && !$0.isDone }
                .compactMap { $0.metadata.labels?[Anneal.Label.attempt] })
        if attempts.count > 1 { problems.append("training attempts \(attempts) run at once") }
    }

    /// Checks that a finished run stays as it is, and that nothing is left running.
    private mutating func settle() {
        for _ in 0..<12 {
            world.tick(seconds: 30)
            world.pass()
        }
        problems += world.violations
        let status = world.status ?? world.lastStatus
        if let held = world.gpuSecondsHeld, held != status?.gpuSeconds ?? 0 {
            problems.append("\(held) GPU-seconds were held, and \(status?.gpuSeconds ?? 0) counted")
        }
        guard let observation = world.observation() else { return }
        let plan = TrainingJobPlanner.plan(observation)
        if plan.status != observation.run.status { problems.append("a settled run changes its status") }
        let lasting = plan.effects.filter { if case .deleteRun = $0 { false } else { true } }
        if !lasting.isEmpty { problems.append("a settled run has effects: \(lasting)") }
        let running = world.state.pods.values.filter { !$0.isDone }.map(\.name)
        if !running.isEmpty { problems.append("pods outlive the run: \(running)") }
        if world.status?.admission != nil { problems.append("the admission was not taken back") }
        if world.status?.gpusHeldSince != nil { problems.append("GPU time was not settled") }
        if world.status?.podUsage?.contains(where: { $0.endedAt == nil }) == true {
            problems.append("pods are not settled: \(world.status?.podUsage ?? [])")
        }
        if world.state.job?.metadata.finalizers?.isEmpty == false { problems.append("the run is still held") }
        let kept = world.state.pods.values.filter { $0.metadata.finalizers?.isEmpty == false }.map(\.name)
        if !kept.isEmpty { problems.append("pods are still held: \(kept)") }
        let finished = world.status?.stages?.filter { $0.finishedAt == nil }.map(\.name) ?? []
        if !finished.isEmpty { problems.append("stages without an end: \(finished)") }
    }
}
