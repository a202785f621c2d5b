import AnnealAPI
import KubernetesAPI
import Scheduling

/// Decides what is to be done about an EvalRun: pure and total.
public enum EvalRunPlanner {
    public static func plan(_ observation: EvalRunObservation) -> Plan<EvalRunStatus> {
        Plan(status: observation.run.status ?? EvalRunStatus(phase: .pending))
    }
}
