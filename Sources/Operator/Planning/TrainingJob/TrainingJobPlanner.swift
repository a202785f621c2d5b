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

    /// What a training attempt asks a scheduler for.
    public static func gang(of job: TrainingJob, settings: PlannerSettings) -> GangRequest {
        TrainingGang(
            run: RunObject(job), spec: job.spec, settings: settings,
            attempt: (job.status?.trainingAttempts ?? 0).next
        ).request
    }

    /// Whether the plan depends on `capacity`.
    public static func needsCapacity(_ job: TrainingJob) -> Bool {
        job.status?.phase == .queued && job.metadata.deletionTimestamp == nil
    }
}
