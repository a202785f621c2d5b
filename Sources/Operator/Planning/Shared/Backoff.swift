import KubernetesAPI

/// Waits that grow with the failures.
enum Backoff {
    /// `base × factor^(failures − 1)` seconds, at most `limit`; 0 before the first failure.
    static func seconds(failures: Int, base: Int64, factor: Double, limit: Int64) -> Int64 {
        guard failures > 0, base > 0, limit > 0 else { return 0 }
        let growth = factor.isFinite ? max(1, factor) : 1
        var wait = Double(base)
        for _ in 1..<min(failures, 64) where wait < Double(limit) { wait *= growth }
        return Int64(exactly: min(wait, Double(limit)).rounded()) ?? limit
    }
}

extension PlannerSettings {
    func backoff(failures: Int, factor: Double) -> Int64 {
        Backoff.seconds(failures: failures, base: backoffSeconds, factor: factor, limit: maxBackoffSeconds)
    }
}

extension Int {
    /// The number plus one; unchanged if there is no larger one.
    var next: Int { self == .max ? self : self + 1 }
}

extension Int64 {
    func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }

    func multipliedClamped(by other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}

extension Timestamp {
    /// Seconds of a limit that are left now; 0 or less once it is over. A start in the future has used none.
    func left(of limit: Int64, since start: Timestamp) -> Int64 {
        limit.addingClamped(-max(0, seconds(since: start)))
    }
}
