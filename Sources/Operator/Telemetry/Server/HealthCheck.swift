/// A condition of a process's being alive, or ready.
public struct HealthCheck: Sendable {
    /// A short word, shown with `?verbose`.
    public var name: String
    /// Problem that breaks the condition; nil if there is none. It must be quick.
    public var problem: @Sendable () async -> String?

    public init(_ name: String, problem: @escaping @Sendable () async -> String?) {
        self.name = name
        self.problem = problem
    }
}

/// Checks that are answered together, as Kubernetes' own servers answer `/healthz`.
struct HealthReport: Sendable {
    var isHealthy: Bool
    /// One line for each check.
    var details: String

    init(_ endpoint: String, _ checks: [HealthCheck]) async {
        isHealthy = true
        // The very answer shows that the event loop and the tasks' threads run.
        details = "[+]ping ok\n"
        for check in checks {
            if let problem = await check.problem() {
                isHealthy = false
                details += "[-]\(check.name) failed: \(problem)\n"
            } else {
                details += "[+]\(check.name) ok\n"
            }
        }
        details += "\(endpoint) check \(isHealthy ? "passed" : "failed")\n"
    }
}
