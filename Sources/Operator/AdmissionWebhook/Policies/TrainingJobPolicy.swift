import AnnealAPI
import KubernetesAPI
import Planning

extension AdmissionPolicy {
    /// - Parameters:
    ///   - settings: the settings of the planner.
    ///   - liveRun: the name of another unfinished run of that namespace with that idempotency key, as far as
    ///     this process knows; the planner finds those that it misses.
    ///   - source: the run of that name that another continues, and its claims; nil where this process does not
    ///     know one, which the planner then does.
    public static func trainingJob(
        settings: PlannerSettings,
        liveRun: @escaping @Sendable (_ namespace: String, _ key: String) -> String? = { _, _ in nil },
        source: @escaping @Sendable (TrainingJob) -> (TrainingJob?, [PersistentVolumeClaim]) = { _ in
            (nil, [])
        }
    ) -> AdmissionPolicy {
        AdmissionPolicy(
            TrainingJob.self,
            problems: { job in
                let errors = SpecValidation.errors(of: job)
                // Errors that the schema finds are reported once.
                let planned = errors.isEmpty ? SpecProblem.first(in: job.spec).map { [$0] } ?? [] : errors
                return planned + TrainingJobRules.errors(in: job.spec)
            },
            conflicts: { job in
                let continued = continuationErrors(job, source)
                guard let key = job.spec.idempotencyKey, let other = liveRun(job.namespace, key),
                    other != job.name
                else { return continued }
                return continued + [
                    .invalid(
                        "spec.idempotencyKey", .string(key),
                        "TrainingJob \"\(other)\" has this key and has not finished; "
                            + "wait for it, delete it, or choose another key")
                ]
            },
            warnings: { new, old in
                if let old {
                    return FinishedRun.warning(
                        phase: new.status?.phase.rawValue, isTerminal: new.status?.phase.isTerminal == true,
                        new.spec.runPolicy, old.spec.runPolicy, kind: "TrainingJob")
                }
                return TrainingJobRules.warnings(for: new.spec, settings: settings)
            })
    }
}

/// Errors of a run that continues another in a way that cannot be.
private func continuationErrors(
    _ job: TrainingJob, _ source: (TrainingJob) -> (TrainingJob?, [PersistentVolumeClaim])
) -> [FieldError] {
    guard job.spec.continueFrom != nil else { return [] }
    let (known, claims) = source(job)
    // A cache that lags may not have it yet.
    guard let known else { return [] }
    do throws(Continuation.Refusal) {
        _ = try Continuation(of: job, from: known, claims: claims)
        return []
    } catch {
        return error.errors
    }
}

/// Variables of a user's program that its container has already.
enum EnvironmentRules {
    /// Variables that the operator sets in every program, beside those that the schema names.
    private static let ownVariables: Set<String> = ["HOME"]

    static func errors(_ field: String, _ variables: [EnvironmentVariable]?) -> [FieldError] {
        (variables ?? []).enumerated().compactMap { index, variable in
            guard ownVariables.contains(variable.name) else { return nil }
            return .invalid(
                "\(field)[\(index)].name", .string(variable.name),
                "is set by Anneal, to a folder that the program may write to; choose another name")
        }
    }
}

/// Errors of a TrainingJob's spec that its schema cannot express.
enum TrainingJobRules {
    static func errors(in spec: TrainingJobSpec) -> [FieldError] {
        EnvironmentRules.errors("spec.trainer.env", spec.trainer.env) + parameters(spec.hyperparameters)
            + EnvironmentRules.errors("spec.evaluation.evaluator.env", spec.evaluation?.evaluator.env)
            + SizeRules.errors("spec.trainer.resourcesPerNode", spec.trainer.resourcesPerNode)
            + SizeRules.errors("spec.trainer.shmSize", bytes: spec.trainer.shmSize)
            + SizeRules.errors("spec.workspace.size", bytes: spec.workspace?.size)
            + SizeRules.errors("spec.evaluation.evaluator.resources", spec.evaluation?.evaluator.resources)
    }

    private static let knownHyperparameters: Set<String> = [
        "learningRate", "batchSize", "gradientAccumulationSteps", "epochs", "maxSteps", "maxSequenceLength",
        "warmupSteps", "weightDecay", "lrScheduler", "maxGradNorm", "seed", "precision", "loraRank",
        "loraAlpha", "loraDropout", "loraTargetModules",
    ]
    /// Parameters of the registered model that describe the run itself.
    private static let recordedParameters: Set<String> = ["method", "baseModel", "dataset"]

    /// Errors of parameters with the name of a field: one of the two values would be lost.
    private static func parameters(_ hyperparameters: Hyperparameters?) -> [FieldError] {
        (hyperparameters?.parameters ?? [:]).sorted { $0.key < $1.key }.compactMap { name, value in
            let field = "spec.hyperparameters.parameters[\(name)]"
            if knownHyperparameters.contains(name) {
                return .invalid(
                    field, .string(value), "is a field of its own: set spec.hyperparameters.\(name) instead")
            }
            guard recordedParameters.contains(name) else { return nil }
            return .invalid(field, .string(value), "is recorded with every model; choose another name")
        }
    }

    static func warnings(for spec: TrainingJobSpec, settings: PlannerSettings) -> [String] {
        var warnings: [String] = []
        let trainer = spec.trainer
        if let shared = SizeRules.amount(trainer.shmSize),
            let memory = SizeRules.amount(trainer.resourcesPerNode?.memory), shared > memory
        {
            warnings.append(
                "spec.trainer.shmSize \(trainer.shmSize?.text ?? "") counts against "
                    + "spec.trainer.resourcesPerNode.memory \(trainer.resourcesPerNode?.memory?.text ?? ""), "
                    + "which is less")
        }
        let (least, overflow) = Int64(settings.heartbeatSeconds).multipliedReportingOverflow(by: 3)
        if let timeout = spec.runPolicy?.heartbeatTimeoutSeconds, !overflow, timeout < least {
            warnings.append(
                "spec.runPolicy.heartbeatTimeoutSeconds \(timeout) is less than three heartbeats of "
                    + "\(settings.heartbeatSeconds) s: one that is late replaces a healthy attempt")
        }
        if let every = spec.checkpoint?.everySteps, let all = spec.hyperparameters?.maxSteps, every > all {
            warnings.append(
                "spec.checkpoint.everySteps \(every) is more than spec.hyperparameters.maxSteps \(all): "
                    + "an interrupted attempt starts over")
        }
        // 86,400 is the default, so the user did not ask for it.
        if spec.placement?.pool == .development, let asked = spec.runPolicy?.activeDeadlineSeconds,
            asked > 3600, asked != 86_400
        {
            warnings.append(
                "spec.runPolicy.activeDeadlineSeconds \(asked) is cut to 3600, the limit of the development "
                    + "pool")
        }
        return warnings + ThresholdRules.warnings("spec.evaluation", spec.evaluation)
    }
}
