import KubernetesAPI

/// Delays between starts of a container, and between searches for an image.
public enum RestartBackoff {
    /// Seconds that a container must have run to start again without delay.
    public static let forgiveness: Int64 = 600
    static let limit: Int64 = 300

    /// Seconds to wait after the `ends`-th end in a row: 0, 10, 20, 40, … 300.
    public static func delay(afterEnds ends: Int) -> Int64 {
        ends <= 1 ? 0 : doubled(10, times: ends - 2)
    }

    /// Seconds to wait after the `failures`-th failure to find an image: 10, 20, … 300.
    public static func imageDelay(afterFailures failures: Int) -> Int64 {
        failures <= 0 ? 0 : doubled(10, times: failures - 1)
    }

    private static func doubled(_ base: Int64, times: Int) -> Int64 {
        times >= 5 ? limit : min(limit, base << Int64(times))
    }
}

extension ContainerRecord {
    /// Notes that the process ended.
    public mutating func end(_ termination: Termination) {
        var termination = termination
        if case .running(let since) = state { termination.startedAt = termination.startedAt ?? since }
        let ranFor = termination.startedAt.map { termination.finishedAt.seconds(since: $0) } ?? 0
        consecutiveEnds = ranFor >= RestartBackoff.forgiveness ? 1 : consecutiveEnds + 1
        state = .terminated(termination)
        hasStarted = false
        isReady = false
        notBefore = termination.finishedAt.advanced(by: RestartBackoff.delay(afterEnds: consecutiveEnds))
    }

    /// Turns an end that another start will follow into the wait for it.
    public mutating func awaitRestart(of pod: String, now: Timestamp) {
        guard case .terminated(let termination) = state else { return }
        lastTermination = termination
        let delay = RestartBackoff.delay(afterEnds: consecutiveEnds)
        state = .waiting(
            reason: "CrashLoopBackOff",
            message: "back-off \(Self.duration(delay)) restarting failed container=\(name) pod=\(pod)")
    }

    /// Notes that the image is missing on this node.
    public mutating func missImage(_ message: String, now: Timestamp) {
        consecutiveEnds += 1
        if case .waiting("ErrImagePull", _) = state {
            state = .waiting(reason: "ImagePullBackOff", message: "Back-off pulling image: \(message)")
        } else if case .waiting("ImagePullBackOff", _) = state {
            notBefore = now.advanced(by: RestartBackoff.imageDelay(afterFailures: consecutiveEnds))
            return
        } else {
            state = .waiting(reason: "ErrImagePull", message: message)
        }
        notBefore = now.advanced(by: RestartBackoff.imageDelay(afterFailures: consecutiveEnds))
    }

    /// A duration as Go prints it: `1m20s`.
    static func duration(_ seconds: Int64) -> String {
        seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s"
    }
}
