import AnnealAPI
import KubernetesAPI
import Scheduling

/// Decides what is to be done about a TrainingJob: pure and total.
///
/// A pass makes one step at most. A step that begins a try writes the try's number to the status and
/// creates nothing; the pass that sees the number creates.
public enum TrainingJobPlanner {
    public static func plan(_ observation: TrainingJobObservation) -> Plan<TrainingJobStatus> {
        var draft = TrainingJobDraft(observation)
        draft.readHeartbeat()
        draft.accountForGPUs()
        draft.step()
        draft.accountForGPUs()
        draft.sweep()
        draft.describe()
        return draft.plan()
    }

    /// The run as the scheduler sees it; nil while it neither waits for GPUs nor has an admission.
    ///
    /// - Parameter pods: Pods of the run, of whatever attempt, ended ones too.
    public static func workload(
        of job: TrainingJob, pods: [Pod], settings: PlannerSettings, now: Timestamp
    ) -> Workload? {
        TrainingWorkload(job: job, pods: pods, settings: settings, now: now).workload
    }
}
