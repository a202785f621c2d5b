import Testing

/// Properties that hold in any course of events.
@Suite struct ElectionSimulationTests {
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `never two believe that they lead, and one does soon after all is well`(seed: UInt64) {
        let simulation = ElectionSimulation(seed: seed, processes: 2 + Int(seed % 3))
        simulation.run(until: .seconds(600), faults: true)
        #expect(simulation.violations == [], "seed \(seed)")
        #expect(simulation.takeovers > 0, "nobody ever led, seed \(seed)")
        // The longest wait: the process that was stopped last goes on, the last lease ends, and a process
        // makes its attempt.
        simulation.run(until: .seconds(680), faults: false)
        #expect(simulation.leaders == 1, "seed \(seed)")
        #expect(simulation.violations == [], "seed \(seed)")
    }
}
