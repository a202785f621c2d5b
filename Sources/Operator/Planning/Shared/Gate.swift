import AnnealAPI

/// Measures against thresholds. What is missing or not a number has failed.
enum Gate {
    /// Metrics that a status may hold at once: an API server refuses more, and then every write.
    static let metricLimit = 512

    /// The first of the metrics by name, as many as a status may hold; those that `kept` names come first.
    static func bounded(_ metrics: [String: Double], keeping kept: Set<String>) -> [String: Double] {
        guard metrics.count > metricLimit else { return metrics }
        let names = metrics.keys.sorted { first, second in
            kept.contains(first) != kept.contains(second) ? kept.contains(first) : first < second
        }
        let chosen = Set(names.prefix(metricLimit))
        return metrics.filter { chosen.contains($0.key) }
    }

    /// All suites' metrics as `<suite>/<metric>`; finite ones only.
    static func metrics(_ suites: [SuiteStatus]) -> [String: Double] {
        var metrics: [String: Double] = [:]
        for suite in suites {
            for (name, value) in suite.metrics ?? [:] where value.isFinite {
                metrics["\(suite.name)/\(name)"] = value
            }
        }
        return metrics
    }

    static func results(_ thresholds: [Threshold], _ metrics: [String: Double]) -> [ThresholdResult] {
        thresholds.map { threshold in
            let value = metrics[threshold.metric]?.finite
            let passed =
                value.map { value in
                    // A bound that is NaN keeps nothing: every comparison with it is false.
                    (threshold.min.map { value >= $0 } ?? true) && (threshold.max.map { value <= $0 } ?? true)
                } ?? false
            return ThresholdResult(
                metric: threshold.metric, min: threshold.min, max: threshold.max, value: value, passed: passed
            )
        }
    }

    /// `quality/perplexity is 12.5, above its max 10`
    static func text(_ result: ThresholdResult) -> String {
        guard let value = result.value else { return "\(result.metric) is missing or not a number" }
        if let min = result.min, !(value >= min) {
            return "\(result.metric) is \(value), below its min \(min)"
        }
        if let max = result.max, !(value <= max) {
            return "\(result.metric) is \(value), above its max \(max)"
        }
        return "\(result.metric) is \(value)"
    }
}
