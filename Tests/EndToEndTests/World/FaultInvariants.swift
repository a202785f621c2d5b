import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

/// Invariants under all faults (design, chapter 9), checked by the requests that passed the proxy.
extension PaperRuns {
    /// Numbers of objects that a run without faults creates, by resource.
    private static let creations = [
        "jobs": 4, "pods": 1, "leases": 1, "persistentvolumeclaims": 1, "evalruns": 1,
    ]

    func holdInvariants(runs count: Int) throws {
        let exchanges = try proxy.exchanges()
        try holdCreations(exchanges, runs: count)
        holdHistories(exchanges)
        // A real server that has just started refuses requests until it has read the roles.
        let granted = Set(exchanges.filter(\.hasSucceeded).map(\.right))
        let refused = exchanges.filter {
            $0.code == 403 && $0.fault == nil && !granted.contains($0.right)
        }
        #expect(refused.isEmpty, "the roles do not suffice")
    }

    /// Checks the creations: names contain run, stage and attempt, none comes twice, and there are no more
    /// than without faults.
    private func holdCreations(_ exchanges: [Exchange], runs count: Int) throws {
        let created = exchanges.filter { $0.method == "POST" && $0.code == 201 && $0.resource != "events" }
        for (resource, exchanges) in Dictionary(grouping: created, by: \.resource) {
            let names = exchanges.compactMap(\.name)
            #expect(Set(names).count == names.count, "\(resource) created twice, ANNEAL_SEED=\(seed)")
            // The evaluator's pod is a child of the EvalRun.
            let expected = (Self.creations[resource] ?? 0) + (resource == "pods" ? 1 : 0)
            #expect(names.count <= expected * count, "\(resource), ANNEAL_SEED=\(seed)")
        }
        // A killed server may lose its last lines, and nothing else.
        let audit = try cluster.audit().filter {
            $0.namespace == name && $0.verb == "create" && $0.code == 201 && $0.resource == "jobs"
        }
        #expect(audit.count <= 4 * count, "Jobs by the audit log, ANNEAL_SEED=\(seed)")
        let names = audit.map(\.name).filter { !$0.isEmpty }
        #expect(Set(names).count == names.count, "Jobs by the audit log, ANNEAL_SEED=\(seed)")
    }

    /// Checks that terminal phases stay, and that attempts only grow.
    private func holdHistories(_ exchanges: [Exchange]) {
        let writes = exchanges.filter { $0.status != nil && $0.path.contains("/trainingjobs/") }
        for (name, exchanges) in Dictionary(grouping: writes, by: { $0.name ?? "" }) {
            var attempts: [String: Int64] = [:]
            var end: String?
            for exchange in exchanges {
                let phase = exchange.status?["phase"]?.stringValue ?? ""
                #expect(end == nil || end == phase, "\(name) was \(end ?? ""), ANNEAL_SEED=\(seed)")
                if TrainingJobPhase(rawValue: phase)?.isTerminal == true { end = phase }
                for stage in exchange.status?["stages"]?.arrayValue ?? [] {
                    let key = stage["name"]?.stringValue ?? ""
                    let attempt = stage["attempts"]?.integerValue ?? 0
                    #expect(attempt >= attempts[key] ?? 0, "\(key) of \(name), ANNEAL_SEED=\(seed)")
                    attempts[key] = attempt
                }
            }
        }
    }

    /// Checks that a settled world causes no writes.
    func holdSilence(exceptEvents: Bool = false) async throws {
        func writes() throws -> [Exchange] {
            try self.writes().filter { !exceptEvents || !$0.path.contains("/events") }
        }
        var quiet = 0
        var count = -1
        _ = try await eventually("the operator settles", within: .seconds(30), every: .seconds(1)) {
            let now = try writes().count
            quiet = now == count ? quiet + 1 : 0
            count = now
            return quiet >= 2 ? true : nil
        }
        try await Task.sleep(for: .seconds(2))
        #expect(try writes().count == count, "written at rest, ANNEAL_SEED=\(seed)")
    }

    func writes() throws -> [Exchange] {
        try proxy.exchanges().filter { $0.isWrite && !$0.path.contains("/leases/") }
    }

    /// Seconds from `time` until the operator's first request that succeeded; nil if there is none.
    func answered(after time: Date) throws -> Double? {
        try proxy.exchanges().first { $0.time >= time.timeIntervalSince1970 && $0.hasSucceeded }
            .map { $0.time - time.timeIntervalSince1970 }
    }

    /// Seconds from `time` until the operator's first write that succeeded; nil if there is none.
    func recovery(after time: Date) throws -> Double? {
        try writes().first { $0.time >= time.timeIntervalSince1970 && $0.hasSucceeded }
            .map { $0.time - time.timeIntervalSince1970 }
    }
}
