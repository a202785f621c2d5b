import AnnealAPI
import KubernetesAPI
import Scheduling

/// Decides what is to be done about an EvalRun: pure and total.
///
/// Suites run in parallel, one pod each. A suite's try is written to the status in one pass, its pod is
/// created in the next.
public enum EvalRunPlanner {
    public static func plan(_ observation: EvalRunObservation) -> Plan<EvalRunStatus> {
        var draft = EvalRunDraft(observation)
        draft.step()
        draft.sweep()
        draft.describe()
        return draft.plan()
    }

    /// What is asked of a scheduler before the run is let in: room for one suite.
    public static func gang(of run: EvalRun, settings: PlannerSettings) -> GangRequest {
        EvaluationPod(run: RunObject(run), spec: run.spec, settings: settings).request
    }

    /// Whether the plan depends on `capacity`.
    public static func needsCapacity(_ run: EvalRun) -> Bool {
        run.status?.phase == .queued && run.metadata.deletionTimestamp == nil
    }
}
