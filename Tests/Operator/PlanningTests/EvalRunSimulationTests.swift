import AnnealAPI
import KubernetesAPI
import Planning
import SeededRandomness
import Testing

@Suite("An EvalRun under chaos")
struct EvalRunSimulationTests {
    @Test
    func `an EvalRun ends, creates no pod twice, and stays ended`() {
        var ends: [EvalRunPhase: Int] = [:]
        for seed in 0..<400 {
            var random = SeededGenerator(simulation: UInt64(seed))
            var world = EvaluationWorld(Samples.evalRun { $0.runPolicy = RunPolicy() })
            let trouble = Int.random(in: 0..<60, using: &random)
            for step in 0..<400 where world.run.status?.phase.isTerminal != true {
                if step == trouble { world.run.spec.runPolicy?.suspend = false }
                disturb(&world, hasTrouble: step < trouble, &random)
                let before = world.run.status
                world.pass()
                check(before, world.run.status, seed)
                world.now = world.now.advanced(by: Int64.random(in: 1...60, using: &random))
            }
            world.passes(2)
            #expect(world.run.status?.phase.isTerminal == true, "seed \(seed): \(world.run.status as Any)")
            #expect(Set(world.created).count == world.created.count, "seed \(seed): \(world.created)")
            let settled = world.plan
            #expect(settled.effects == [] && settled.status == world.run.status, "seed \(seed)")
            if let phase = world.run.status?.phase { ends[phase, default: 0] += 1 }
        }
        #expect(ends.count == 3, "\(ends)")
    }

    private func disturb(_ world: inout EvaluationWorld, hasTrouble: Bool, _ random: inout SeededGenerator) {
        if hasTrouble, random.chance(0.05) {
            let wanted = world.run.spec.runPolicy?.suspend != true
            world.run.spec.runPolicy?.suspend = wanted
        }
        for name in world.pods.keys.sorted() where world.pods[name]?.isDone == false {
            // Only pods that the operator has seen may vanish: others it would create again.
            let isSeen = world.run.status?.suites?.contains { $0.launchedAt != nil && name.contains($0.name) }
            if hasTrouble, isSeen == true, random.chance(0.1) {
                world.pods[name] = nil
            } else if hasTrouble, random.chance(0.1) {
                world.pods[name]?.metadata.deletionTimestamp = world.now
            } else if hasTrouble, random.chance(0.1) {
                world.finish(name, exitCode: 1, message: "Traceback")
            } else if random.chance(0.3) {
                let value = random.chance(0.8) ? "12.5" : "99"
                world.finish(name, message: #"{"metrics":{"perplexity":\#(value)}}"#)
            }
        }
    }

    private func check(_ before: EvalRunStatus?, _ after: EvalRunStatus?, _ seed: Int) {
        for suite in before?.suites ?? [] {
            let later = after?.suites?.first { $0.name == suite.name }
            #expect((later?.attempt ?? 0) >= suite.attempt, "seed \(seed)")
            if suite.finished == true { #expect(later?.metrics == suite.metrics, "seed \(seed)") }
        }
        #expect((after?.gpuSeconds ?? 0) >= (before?.gpuSeconds ?? 0), "seed \(seed)")
    }
}
