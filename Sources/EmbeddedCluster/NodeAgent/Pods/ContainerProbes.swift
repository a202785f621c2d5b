import KubernetesAPI

/// Schedule and verdict of one probe: a pure state machine, in milliseconds.
struct ProbeState: Hashable, Sendable {
    enum Verdict: Hashable, Sendable { case undecided, passing, failing }

    let probe: Probe
    private(set) var verdict: Verdict
    private(set) var nextAt: Int64
    private var successes: Int64 = 0
    private var failures: Int64 = 0

    init(_ probe: Probe, startedAt: Int64) {
        self.probe = probe
        verdict = .undecided
        nextAt = startedAt + 1000 * min(max(0, probe.initialDelaySeconds ?? 0), 86_400)
    }

    var timeoutSeconds: Int64 { min(max(1, probe.timeoutSeconds ?? 1), 3600) }

    mutating func begin(at now: Int64) {
        nextAt = now + 1000 * min(max(1, probe.periodSeconds ?? 10), 86_400)
    }

    mutating func record(_ succeeded: Bool) {
        if succeeded {
            failures = 0
            successes += 1
            if successes >= max(1, probe.successThreshold ?? 1) { verdict = .passing }
        } else {
            successes = 0
            failures += 1
            if failures >= max(1, probe.failureThreshold ?? 3) { verdict = .failing }
        }
    }
}

/// The probes of one running container: the startup probe first, then the other two.
struct ContainerProbes: Sendable {
    enum Kind: Hashable, Sendable { case startup, readiness, liveness }

    var states: [Kind: ProbeState]

    init(_ container: Container, startedAt: Int64) {
        states = [:]
        states[.startup] = container.startupProbe.map { ProbeState($0, startedAt: startedAt) }
        states[.readiness] = container.readinessProbe.map { ProbeState($0, startedAt: startedAt) }
        states[.liveness] = container.livenessProbe.map { ProbeState($0, startedAt: startedAt) }
    }

    var hasStarted: Bool { states[.startup].map { $0.verdict == .passing } ?? true }
    var isReady: Bool { hasStarted && (states[.readiness].map { $0.verdict == .passing } ?? true) }
    /// Whether the container must start anew: it did not start in time, or is not alive.
    var mustRestart: Bool { states[.startup]?.verdict == .failing || states[.liveness]?.verdict == .failing }

    /// The probes that are to run now.
    func due(at now: Int64) -> [Kind] {
        let candidates: [Kind] = hasStarted ? [.readiness, .liveness] : [.startup]
        return candidates.filter { (states[$0]?.nextAt ?? .max) <= now }
    }
}
