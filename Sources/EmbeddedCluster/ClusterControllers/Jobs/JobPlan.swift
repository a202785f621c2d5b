import KubernetesAPI
import Scheduling

/// The next steps of a Job's controller: a pure function of the Job, of its pods and of the time, following
/// `syncJob` of Kubernetes for `NonIndexed` jobs.
///
/// A pod that ended is counted once: its UID is noted in `uncountedTerminatedPods`, its finalizer is removed,
/// and only then is the counter raised.
public struct JobPlan: Hashable, Sendable {
    public var status: JobStatus
    /// Number of pods to create.
    public var creations = 0
    /// Names of pods to delete.
    public var deletions: [String] = []
    /// Names of pods whose tracking finalizer is removed once the status is written.
    public var releases: [String] = []
    /// Seconds until the next look; nil if time alone changes nothing.
    public var nextLookIn: Int64?
    public var deletesJob = false

    public static let finalizer = "batch.kubernetes.io/job-tracking"

    /// - Parameter backoffBase: seconds between a first failure and the next attempt; doubled with each
    ///   failure, up to 600.
    public init(_ job: BatchJob, pods: [Pod], now: Timestamp, backoffBase: Int64 = 10) {
        status = job.status ?? JobStatus()
        var planner = JobPlanner(job: job, pods: pods, now: now, backoffBase: backoffBase, plan: self)
        planner.run()
        self = planner.plan
    }
}

private struct JobPlanner {
    let job: BatchJob
    let pods: [Pod]
    let now: Timestamp
    let backoffBase: Int64
    var plan: JobPlan

    /// Number of pods that succeeded, counted or not.
    private var succeeded: Int64 = 0
    private var failed: Int64 = 0
    private var failureReason: (reason: String, message: String)?

    init(job: BatchJob, pods: [Pod], now: Timestamp, backoffBase: Int64, plan: JobPlan) {
        self.job = job
        self.pods = pods
        self.now = now
        self.backoffBase = backoffBase
        self.plan = plan
    }

    private var active: [Pod] { pods.filter { !$0.isFinished && $0.metadata.deletionTimestamp == nil } }
    private var terminating: [Pod] { pods.filter { !$0.isFinished && $0.metadata.deletionTimestamp != nil } }

    private func condition(_ type: String) -> JobCondition? {
        plan.status.conditions?.first { $0.type == type && $0.status == .true }
    }

    mutating func run() {
        guard job.metadata.deletionTimestamp == nil else {
            plan.releases = pods.filter(\.isTracked).map(\.name)
            return
        }
        if let finished = condition("Complete") ?? condition("Failed") {
            afterEnd(finished)
            return
        }
        count()
        if job.spec.suspend == true {
            suspend()
        } else {
            resume()
        }
        decideEnd()
        if condition("FailureTarget") != nil || condition("SuccessCriteriaMet") != nil {
            plan.deletions = active.map(\.name)
        } else if job.spec.suspend == true {
            plan.deletions = active.map(\.name)
        } else {
            manage()
        }
        concludeIfSettled()
        countActive()
    }

    /// Moves pods that lost their finalizer into the counters, and notes those that ended since.
    private mutating func count() {
        let byUID = Dictionary(pods.compactMap { pod in pod.metadata.uid.map { ($0, pod) } }) { first, _ in
            first
        }
        let noted = plan.status.uncountedTerminatedPods ?? UncountedTerminatedPods()
        let isReleased: (String) -> Bool = { byUID[$0]?.isTracked != true }
        plan.status.succeeded = sum(plan.status.succeeded, (noted.succeeded ?? []).filter(isReleased).count)
        plan.status.failed = sum(plan.status.failed, (noted.failed ?? []).filter(isReleased).count)
        var uncounted = UncountedTerminatedPods(
            succeeded: (noted.succeeded ?? []).filter { !isReleased($0) },
            failed: (noted.failed ?? []).filter { !isReleased($0) })
        let known = Set((uncounted.succeeded ?? []) + (uncounted.failed ?? []))
        for pod in pods where pod.isTracked {
            guard let uid = pod.metadata.uid, !known.contains(uid) else { continue }
            if pod.status?.phase == "Succeeded" {
                uncounted.succeeded?.append(uid)
            } else if hasFailed(pod) {
                noteFailure(pod, uid, &uncounted)
            }
        }
        plan.releases += pods.filter { pod in
            let uid = pod.metadata.uid ?? ""
            return pod.isTracked
                && ((uncounted.succeeded ?? []).contains(uid) || (uncounted.failed ?? []).contains(uid))
        }.map(\.name)
        succeeded = (plan.status.succeeded ?? 0) + Int64(uncounted.succeeded?.count ?? 0)
        failed = (plan.status.failed ?? 0) + Int64(uncounted.failed?.count ?? 0)
        if uncounted.succeeded?.isEmpty == true { uncounted.succeeded = nil }
        if uncounted.failed?.isEmpty == true { uncounted.failed = nil }
        plan.status.uncountedTerminatedPods = uncounted
    }

    private mutating func noteFailure(_ pod: Pod, _ uid: String, _ uncounted: inout UncountedTerminatedPods) {
        switch job.spec.podFailurePolicy?.action(for: pod) {
        case "Ignore": plan.releases.append(pod.name)
        case "FailJob":
            failureReason = (
                "PodFailurePolicy",
                "Pod \(pod.key) failed and matched a FailJob rule of the pod failure policy"
            )
            uncounted.failed?.append(uid)
        default: uncounted.failed?.append(uid)
        }
    }

    /// Whether a pod has failed. One that is being deleted counts as failed, unless replacements wait for its
    /// end.
    private func hasFailed(_ pod: Pod) -> Bool {
        if pod.status?.phase == "Failed" { return true }
        let waitsForEnd = job.spec.podReplacementPolicy == "Failed" || job.spec.podFailurePolicy != nil
        return !waitsForEnd && pod.metadata.deletionTimestamp != nil
    }

    private mutating func suspend() {
        set(JobCondition(type: "Suspended", status: .true, reason: "JobSuspended", message: "Job suspended"))
        plan.status.startTime = nil
    }

    private mutating func resume() {
        if condition("Suspended") != nil {
            set(JobCondition(type: "Suspended", status: .false, reason: "JobResumed", message: "Job resumed"))
            plan.status.startTime = now
        }
        plan.status.startTime = plan.status.startTime ?? now
    }

    private mutating func decideEnd() {
        guard condition("FailureTarget") == nil, condition("SuccessCriteriaMet") == nil else { return }
        var isOverDeadline = false
        if let limit = job.spec.activeDeadlineSeconds, let start = plan.status.startTime {
            isOverDeadline = now.seconds(since: start) >= limit
        }
        if let failureReason {
            target(failureReason.reason, failureReason.message)
        } else if failed > (job.spec.backoffLimit ?? 6) || restartsExceedLimit {
            target("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        } else if isOverDeadline, job.spec.suspend != true {
            target("DeadlineExceeded", "Job was active longer than specified deadline")
        } else if isComplete {
            set(
                JobCondition(
                    type: "SuccessCriteriaMet", status: .true, reason: "CompletionsReached",
                    message: "Reached expected number of succeeded pods"))
        } else if let limit = job.spec.activeDeadlineSeconds, let start = plan.status.startTime {
            look(in: limit - now.seconds(since: start))
        }
    }

    private mutating func target(_ reason: String, _ message: String) {
        set(JobCondition(type: "FailureTarget", status: .true, reason: reason, message: message))
    }

    /// Whether the containers' restarts exceed the limit, which with `OnFailure` counts them.
    private var restartsExceedLimit: Bool {
        guard job.spec.template[path: ["spec", "restartPolicy"]]?.stringValue == "OnFailure" else {
            return false
        }
        var restarts: Int64 = 0
        for status in pods.compactMap(\.status) where status.phase == "Running" || status.phase == "Pending" {
            for container in (status.initContainerStatuses ?? []) + (status.containerStatuses ?? []) {
                restarts += min(container.restartCount ?? 0, 1 << 32)
            }
        }
        let limit = job.spec.backoffLimit ?? 6
        return limit == 0 ? restarts > 0 : restarts >= limit
    }

    private var isComplete: Bool {
        if let completions = job.spec.completions { return succeeded >= completions }
        return succeeded > 0 && active.isEmpty
    }

    private mutating func manage() {
        let parallelism = job.spec.parallelism ?? 1
        var wanted = parallelism
        if let completions = job.spec.completions {
            wanted = min(parallelism, max(0, completions - succeeded))
        } else if succeeded > 0 {
            wanted = Int64(active.count)
        }
        let running = Int64(active.count)
        if running > wanted {
            let surplus = active.sorted { $0.deletionRank < $1.deletionRank }.prefix(
                Int(clamping: running - wanted))
            plan.deletions += surplus.map(\.name)
            return
        }
        let waitsForEnd = job.spec.podReplacementPolicy == "Failed" || job.spec.podFailurePolicy != nil
        let missing = wanted - running - (waitsForEnd ? Int64(terminating.count) : 0)
        guard missing > 0 else { return }
        let delay = backoffLeft
        guard delay <= 0 else {
            look(in: delay)
            return
        }
        plan.creations = Int(clamping: min(missing, 500))
    }

    /// Seconds until the next pod may be created, from the failures since the last success.
    private var backoffLeft: Int64 {
        let ends = pods.filter(\.isFinished)
        let lastSuccess = ends.filter { $0.status?.phase == "Succeeded" }.map(\.endTime).max()
        let failures = ends.filter { $0.status?.phase == "Failed" }.map(\.endTime)
            .filter { end in lastSuccess.map { end > $0 } ?? true }
        guard let last = failures.max(), backoffBase > 0 else { return 0 }
        let doublings = min(failures.count - 1, 10)
        let delay = min(600, backoffBase << Int64(doublings))
        return last.advanced(by: delay).seconds(since: now)
    }

    /// Sets the terminal condition once every pod has ended and is counted.
    private mutating func concludeIfSettled() {
        let uncounted = plan.status.uncountedTerminatedPods
        guard active.isEmpty, terminating.isEmpty, uncounted?.succeeded == nil, uncounted?.failed == nil,
            plan.releases.isEmpty, plan.creations == 0
        else { return }
        if let reached = condition("SuccessCriteriaMet") {
            set(
                JobCondition(
                    type: "Complete", status: .true, reason: reached.reason, message: reached.message))
            plan.status.completionTime = now
            look(in: job.spec.ttlSecondsAfterFinished ?? -1)
        } else if let target = condition("FailureTarget") {
            set(JobCondition(type: "Failed", status: .true, reason: target.reason, message: target.message))
            look(in: job.spec.ttlSecondsAfterFinished ?? -1)
        }
    }

    private mutating func countActive() {
        plan.status.active = active.isEmpty ? nil : Int64(active.count)
        plan.status.terminating = Int64(terminating.count)
        plan.status.ready = Int64(
            active.filter { pod in
                pod.status?.conditions?.contains { $0.type == "Ready" && $0.status == .true } ?? false
            }.count)
    }

    private mutating func afterEnd(_ finished: JobCondition) {
        plan.releases = pods.filter(\.isTracked).map(\.name)
        plan.deletions = active.map(\.name)
        guard let ttl = job.spec.ttlSecondsAfterFinished, let end = finished.lastTransitionTime else {
            return
        }
        let left = end.advanced(by: ttl).seconds(since: now)
        if left <= 0 { plan.deletesJob = true } else { look(in: left) }
    }

    private mutating func set(_ condition: JobCondition) {
        var condition = condition
        condition.lastProbeTime = now
        condition.lastTransitionTime = now
        var conditions = plan.status.conditions ?? []
        if let index = conditions.firstIndex(where: { $0.type == condition.type }) {
            if conditions[index].status == condition.status { return }
            conditions[index] = condition
        } else {
            conditions.append(condition)
        }
        plan.status.conditions = conditions
    }

    private mutating func look(in seconds: Int64) {
        guard seconds >= 0 else { return }
        plan.nextLookIn = min(plan.nextLookIn ?? .max, max(1, seconds))
    }

    private func sum(_ count: Int64?, _ more: Int) -> Int64? {
        let total = (count ?? 0) + Int64(more)
        return total == 0 ? nil : total
    }
}

extension Pod {
    fileprivate var isTracked: Bool { metadata.finalizers?.contains(JobPlan.finalizer) ?? false }

    /// Rank for deletion: pods that do the least go first, namely those that are not bound, pending, or not
    /// ready.
    fileprivate var deletionRank: Int {
        if (spec?.nodeName ?? "").isEmpty { return 0 }
        if status?.phase == "Pending" { return 1 }
        let isReady = status?.conditions?.contains { $0.type == "Ready" && $0.status == .true } ?? false
        return isReady ? 3 : 2
    }

    fileprivate var endTime: Timestamp {
        let ends = (status?.containerStatuses ?? []).compactMap { $0.state?.terminated?.finishedAt }
        return ends.max() ?? metadata.deletionTimestamp ?? metadata.creationTimestamp ?? Timestamp(seconds: 0)
    }
}
