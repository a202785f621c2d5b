import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// The leader of two operators is killed at each write that belongs to an admission.
    @Suite(
        .cluster("admission-crashes", withOperator: false), .needs(.audit), .timeLimit(.minutes(15)))
    struct AdmissionCrashes {
        /// GPUs that the runs of a namespace compete for.
        private static let capacity: Int64 = 4

        @Test func `a leader's death at any write of an admission lets nobody in twice and forgets no GPU`()
            async throws
        {
            guard let cluster = Cluster.current else { throw OutsideSuite() }
            let devices = Dictionary(
                uniqueKeysWithValues: CompetingRuns.Target.allCases.map { ($0.device, Self.capacity) })
            try await PaperRuns.prepare(cluster, devices: devices)
            // Most of the time is spent on waiting for leases to run out.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for target in CompetingRuns.Target.allCases {
                    group.addTask { try await killLeaders(of: target, devices) }
                }
                try await group.waitForAll()
            }
        }

        private func killLeaders(of target: CompetingRuns.Target, _ devices: [String: Int64]) async throws {
            try await MortalPair.with(
                target.namespace, device: target.device, of: devices, leavesAlone: CompetingRuns.leavesAlone
            ) { pair in
                let runs = CompetingRuns(target, pair)
                try await killAtEachWrite(of: runs)
                try await runs.finish(needing: Self.capacity)
                let expected = runs.podsByRun()
                #expect(pair.history.problems(capacity: Self.capacity, pods: expected) == [])
                #expect(!pair.history.waiting().isEmpty, "nobody had to wait")
                try checkDeaths(of: target, pair)
            }
        }

        /// Goes on to later writes until an admission has no more of them. How many it has is not always the
        /// same: the last of them is met in any case.
        private func killAtEachWrite(of runs: CompetingRuns) async throws {
            for number in 1...40 {
                var survivals = 0
                for moment in Fault.Moment.allCases
                where try await runs.meet(moment, at: .number(number)) == .survived {
                    survivals += 1
                }
                guard survivals == Fault.Moment.allCases.count else { continue }
                for moment in Fault.Moment.allCases {
                    #expect(try await runs.meet(moment, at: .last) == .killed)
                }
                return
            }
            Issue.record("an admission has more than 40 writes")
        }

        /// Each kind of write was deadly. Which of two comes first is not always the same.
        private func checkDeaths(of target: CompetingRuns.Target, _ pair: MortalPair) throws {
            let writes = try pair.deadlyWrites()
            let admission: (Exchange) -> JSONValue? = { $0.request?[path: ["status", "admission"]] }
            for moment in Fault.Moment.allCases {
                let deadly = writes.filter { $0.fault == moment.rawValue }
                print("\(target), \(moment): \(deadly.map { "\($0.method) \($0.resource)" })")
                #expect(deadly.contains { admission($0)?["admittedBy"] != nil }, "letting in, \(moment)")
                #expect(deadly.contains { admission($0) == .null }, "taking back, \(moment)")
                #expect(deadly.contains { $0.method == "POST" && $0.resource == "pods" }, "\(moment)")
            }
            let phases = writes.compactMap { $0.request?[path: ["status", "phase"]]?.stringValue }
            for phase in target.phases { #expect(phases.contains(phase)) }
            let created = Set(writes.filter { $0.method == "POST" }.map(\.resource))
            #expect(created.isSuperset(of: target.creations))
        }
    }
}
