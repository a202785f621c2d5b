import KubernetesAPI

extension PodSpec {
    /// What a scheduler sets aside for the pod, in thousandths: containers and sidecars summed, or the
    /// largest init container with the sidecars before it, whichever is more.
    public var scheduledRequests: [String: Int128] {
        var running: [String: Int128] = [:]
        var peak: [String: Int128] = [:]
        for container in initContainers ?? [] {
            if container.restartPolicy == "Always" {
                running.add(container.effectiveRequests)
                peak.raise(to: running)
            } else {
                var moment = running
                moment.add(container.effectiveRequests)
                peak.raise(to: moment)
            }
        }
        for container in containers { running.add(container.effectiveRequests) }
        peak.raise(to: running)
        return peak
    }
}

extension Container {
    /// Requests, with limits where there is no request, as the API server defaults them.
    fileprivate var effectiveRequests: [String: Int128] {
        let limits = resources?.limits ?? [:]
        return limits.merging(resources?.requests ?? [:]) { _, request in request }.mapValues(\.milliunits)
    }
}

extension [String: Int128] {
    /// Sums saturate: no input makes them trap.
    mutating func add(_ other: [String: Int128]) {
        for (name, amount) in other {
            let (sum, overflow) = self[name, default: 0].addingReportingOverflow(amount)
            self[name] = overflow ? .max : sum
        }
    }

    mutating func raise(to other: [String: Int128]) {
        for (name, amount) in other { self[name] = Swift.max(self[name] ?? amount, amount) }
    }

    func holds(_ wanted: [String: Int128]) -> Bool {
        wanted.allSatisfy { name, amount in amount <= 0 || (self[name] ?? 0) >= amount }
    }

    mutating func take(_ wanted: [String: Int128]) {
        for (name, amount) in wanted {
            let (rest, overflow) = self[name, default: 0].subtractingReportingOverflow(amount)
            self[name] = overflow ? .min : rest
        }
    }
}
