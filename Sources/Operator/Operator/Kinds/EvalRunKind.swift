import AdmissionWebhook
import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Planning

extension Kind where Object == EvalRun {
    static var evalRun: Kind {
        var kind = Kind(
            firstPhase: EvalRunPhase.pending.rawValue, children: [Pod.self],
            planner: { caches, settings in
                let validSpecs = ValidSpecs<EvalRunSpec>()
                return { run, now in
                    var observation = EvalRunObservation(run: run, now: now, settings: settings)
                    observation.pods = caches.children(Pod.self, of: run.metadata.uid ?? "")
                    observation.lostNodes = caches.lostNodes(among: observation.pods)
                    observation.starts = caches.startEvents.of(observation.pods, now, settings)
                    if (run.status?.phase ?? .pending) == .pending {
                        observation.specErrors = validSpecs.errors(of: run.spec) {
                            SpecValidation.errors(of: run)
                        }
                    }
                    observation.ownUIDs = caches.creations.of(run.metadata.uid)
                    observation.seals = caches.creations.seals
                    if run.status?.phase.isTerminal == true { caches.creations.forget(run.metadata.uid) }
                    return EvalRunPlanner.plan(observation)
                }
            })
        kind.claimsGPUs(EvalRunPlanner.workload)
        kind.policy = { _, _ in .evalRun }
        return kind
    }
}

extension EvalRun: ClaimingRun {
    var runPolicy: RunPolicy? { spec.runPolicy }
    var isQueued: Bool { status?.phase == .queued }
}

extension EvalRunStatus: GPUHoldingStatus {
    var phaseName: String { phase.rawValue }
    var attemptNumber: Int? { suites?.map(\.attempt).max() }
    /// An evaluation is one stage, from its first pod to its verdict.
    func endedStages(since before: EvalRunStatus?) -> [String: Int64] {
        guard let startTime, let completionTime, before?.completionTime == nil else { return [:] }
        let whole = completionTime.seconds(since: startTime)
        let (seconds, overflow) = whole.subtractingReportingOverflow(max(0, queuedSeconds ?? 0))
        return [EvalRunPhase.evaluating.rawValue: overflow ? 0 : max(0, seconds)]
    }
    var figures: [String: Double] {
        var figures: [String: Double] = [:]
        for suite in suites ?? [] {
            for (name, value) in suite.metrics ?? [:] { figures["\(suite.name)/\(name)"] = value }
        }
        return figures
    }
}
