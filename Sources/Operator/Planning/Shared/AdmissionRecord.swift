import AnnealAPI
import KubernetesAPI
import Scheduling

/// Status of a kind that waits for an admission to GPUs.
public protocol AdmittedStatus: Hashable, Sendable {
    var admission: Admission? { get set }
    var reason: String? { get set }
    var message: String? { get set }
    var conditions: [Condition]? { get set }
}

extension TrainingJobStatus: AdmittedStatus {}
extension EvalRunStatus: AdmittedStatus {}

extension RunPolicy? {
    /// Whether the policy lets the run go on.
    var letsRun: Bool { self?.suspend != true && self?.stop == nil }
}

extension Workload.State {
    /// The state of a run that has an admission.
    ///
    /// - Parameters:
    ///   - outstanding: Pods that a live admission has still to create; nil where its attempt is over.
    ///   - isHolding: Whether pods of the run have not ended.
    ///   - isSuspended: Whether the run is suspended, for whatever reason.
    ///   - waits: Whether the run wants another admission.
    init(_ admission: Admission, outstanding: Int?, isHolding: Bool, isSuspended: Bool, waits: Bool) {
        if let outstanding {
            self = .admitted(outstanding: outstanding)
        } else if isHolding || (isSuspended && admission.revoked?.reason == .budgetExhausted) {
            self = .admitted(outstanding: 0)
        } else {
            self = waits ? .waiting : .released
        }
    }
}

/// Writes the scheduler's decisions into statuses: the only place that changes `status.admission`.
public enum AdmissionRecord {
    /// Notes a decision about the workload; a status that says so already stays as it is.
    ///
    /// - Parameter scheduler: The process that decides, for people.
    public static func note(
        _ decision: AdmissionRound.Decision, on workload: Workload, in status: inout some AdmittedStatus,
        generation: Int64?, now: Timestamp, scheduler: String
    ) {
        switch decision {
        case .admit(let pods):
            let (gpus, overflow) = workload.gpusPerPod.multipliedReportingOverflow(by: Int64(pods))
            status.admission = Admission(
                attempt: workload.attempt, pods: pods, gpus: overflow ? .max : gpus, admittedAt: now,
                admittedBy: scheduler)
            status.reason = "Admitted"
            status.message = nil
        case .wait(let why):
            status.reason = "WaitingForCapacity"
            status.message = Wording.bounded(why)
            let condition = Condition(
                type: "Admitted", status: .false, observedGeneration: generation, lastTransitionTime: now,
                reason: "WaitingForCapacity", message: "The cluster has no room for the run now")
            var conditions = status.conditions ?? []
            conditions.set(condition)
            status.conditions = conditions
        case .release: status.admission = nil
        }
    }

    /// Notes that the scheduler wants the GPUs back. Nothing changes where it has said so before, or has
    /// nothing to take back.
    public static func revoke(
        _ reason: Revocation.Reason, message: String, in status: inout some AdmittedStatus, now: Timestamp
    ) {
        guard status.admission != nil, status.admission?.revoked == nil else { return }
        status.admission?.revoked = Revocation(
            reason: reason, message: Wording.bounded(message), revokedAt: now)
    }
}
