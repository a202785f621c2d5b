import AnnealAPI
import KubernetesAPI
import Scheduling

/// Decides what is to be done about a TrainingJob: pure and total.
public enum TrainingJobPlanner {
    public static func plan(_ observation: TrainingJobObservation) -> Plan<TrainingJobStatus> {
        Plan(status: observation.job.status ?? TrainingJobStatus(phase: .pending))
    }
}
