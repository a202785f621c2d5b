import AnnealAPI
import KubernetesAPI
import Planning

extension AdmissionPolicy {
    public static let evalRun = AdmissionPolicy(
        EvalRun.self,
        problems: { run in
            let errors = SpecValidation.errors(of: run)
            let planned = errors.isEmpty ? SpecProblem.first(in: run.spec).map { [$0] } ?? [] : errors
            return planned
                + EnvironmentRules.errors("spec.evaluator.env", run.spec.evaluator?.env)
                + SizeRules.errors("spec.evaluator.resources", run.spec.evaluator?.resources)
        },
        warnings: { new, old in
            if let old {
                return FinishedRun.warning(
                    phase: new.status?.phase.rawValue, isTerminal: new.status?.phase.isTerminal == true,
                    new.spec.runPolicy, old.spec.runPolicy, kind: "EvalRun")
            }
            return ThresholdRules.warnings("spec", suites: new.spec.suites, new.spec.thresholds ?? [])
        })
}

/// Thresholds on metrics that a suite does not measure, which no model can pass.
enum ThresholdRules {
    static func warnings(_ field: String, _ policy: EvaluationPolicy?) -> [String] {
        guard let policy else { return [] }
        return warnings(field, suites: policy.suites, policy.thresholds ?? [])
    }

    /// Warnings of such thresholds. They are no errors, since an evaluator of the user's own may measure
    /// more.
    static func warnings(
        _ field: String, suites: [EvaluationSuite], _ thresholds: [Threshold]
    ) -> [String] {
        thresholds.enumerated().compactMap { index, threshold in
            guard let slash = threshold.metric.firstIndex(of: "/"),
                let suite = suites.first(where: { $0.name == threshold.metric[..<slash] })
            else { return nil }
            let metric = String(threshold.metric[threshold.metric.index(after: slash)...])
            let known = metrics(of: suite.type)
            guard !known.isEmpty, !known.contains(metric), !metric.hasPrefix("accuracy.") else { return nil }
            return
                "\(field).thresholds[\(index)].metric: a suite of type \(suite.type.rawValue) reports "
                + "\(known.joined(separator: ", ")); without '\(metric)' the gate fails"
        }
    }

    /// Metrics that an evaluator reports if it keeps to the protocol; empty if it decides by itself.
    private static func metrics(of type: EvaluationSuite.Kind) -> [String] {
        switch type {
        case .perplexity: ["perplexity", "loss", "tokens"]
        case .exactMatch: ["exactMatch", "count"]
        case .tasks: ["accuracy", "count"]
        case .custom: []
        }
    }
}
