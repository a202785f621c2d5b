import AnnealAPI

/// Measures against thresholds. What is missing or not a number has failed.
enum Gate {
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
