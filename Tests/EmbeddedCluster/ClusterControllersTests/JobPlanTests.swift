import ClusterControllers
import KubernetesAPI
import Testing

@Suite struct JobPlanTests {
    static let start = Timestamp(seconds: 1_000_000)

    static func job(_ change: (inout BatchJobSpec) -> Void = { _ in }, status: JobStatus? = nil) -> BatchJob {
        var spec = BatchJobSpec(template: ["spec": ["restartPolicy": "Never"]])
        spec.parallelism = 1
        spec.completions = 1
        spec.backoffLimit = 1
        change(&spec)
        var job = BatchJob(metadata: ObjectMeta(name: "j", namespace: "ns"), spec: spec, status: status)
        job.metadata.uid = "job"
        return job
    }

    static func pod(
        _ name: String, phase: String = "Running", tracked: Bool = true, endedAt: Timestamp? = nil,
        exit: Int64 = 1
    ) -> Pod {
        var pod = Pod(metadata: ObjectMeta(name: name, namespace: "ns"), spec: PodSpec())
        pod.metadata.uid = "uid-\(name)"
        pod.metadata.creationTimestamp = start
        if tracked { pod.metadata.finalizers = [JobPlan.finalizer] }
        pod.status = PodStatus(phase: phase)
        if let endedAt {
            pod.status?.containerStatuses = [
                ContainerStatus(
                    name: "c",
                    state: ContainerState(
                        terminated: ContainerStateTerminated(exitCode: exit, finishedAt: endedAt)))
            ]
        }
        return pod
    }

    static func types(_ plan: JobPlan) -> [String] {
        (plan.status.conditions ?? []).filter { $0.status == .true }.map(\.type)
    }

    @Test
    func `a new job starts, and makes its pod`() {
        let plan = JobPlan(Self.job(), pods: [], now: Self.start)
        #expect(plan.creations == 1)
        #expect(plan.status.startTime == Self.start)
    }

    @Test
    func `a pod that ended is noted first, released next, and counted last`() {
        let done = Self.pod("a", phase: "Succeeded", endedAt: Self.start)
        let first = JobPlan(Self.job(), pods: [done], now: Self.start)
        #expect(first.status.uncountedTerminatedPods?.succeeded == ["uid-a"])
        #expect(first.status.succeeded == nil)
        #expect(first.releases == ["a"])
        #expect(Self.types(first) == ["SuccessCriteriaMet"])

        var released = done
        released.metadata.finalizers = nil
        let second = JobPlan(Self.job(status: first.status), pods: [released], now: Self.start)
        #expect(second.status.succeeded == 1)
        #expect(second.status.uncountedTerminatedPods == UncountedTerminatedPods())
        #expect(Self.types(second) == ["SuccessCriteriaMet", "Complete"])
        #expect(second.status.completionTime == Self.start)
        #expect(
            JobPlan(Self.job(status: second.status), pods: [released], now: Self.start).status
                == second.status)
    }

    @Test(arguments: [(1, 10), (2, 20), (3, 40)] as [(Int, Int64)])
    func `a failed pod is replaced after longer and longer waits`(failures: Int, seconds: Int64) {
        let pods = (0..<failures).map {
            Self.pod("f\($0)", phase: "Failed", tracked: false, endedAt: Self.start)
        }
        var status = JobStatus()
        status.failed = Int64(failures)
        status.startTime = Self.start
        let job = Self.job({ $0.backoffLimit = 6 }, status: status)
        let early = JobPlan(job, pods: pods, now: Self.start.advanced(by: seconds - 1))
        #expect(early.creations == 0)
        #expect(early.nextLookIn == 1)
        #expect(JobPlan(job, pods: pods, now: Self.start.advanced(by: seconds)).creations == 1)
    }

    @Test
    func `more failures than the limit end the job`() {
        var status = JobStatus()
        status.failed = 2
        status.startTime = Self.start
        let pods = [
            Self.pod("a", phase: "Failed", tracked: false), Self.pod("b", phase: "Failed", tracked: false),
        ]
        let plan = JobPlan(Self.job(status: status), pods: pods, now: Self.start)
        #expect(Self.types(plan) == ["FailureTarget", "Failed"])
        #expect(plan.status.conditions?.last?.reason == "BackoffLimitExceeded")
        #expect(plan.status.conditions?.last?.message == "Job has reached the specified backoff limit")
    }

    @Test
    func `a job past its deadline stops its pods, and fails once they have ended`() {
        var status = JobStatus()
        status.startTime = Self.start
        let job = Self.job({ $0.activeDeadlineSeconds = 5 }, status: status)
        #expect(JobPlan(job, pods: [Self.pod("a")], now: Self.start.advanced(by: 4)).nextLookIn == 1)
        let plan = JobPlan(job, pods: [Self.pod("a")], now: Self.start.advanced(by: 5))
        #expect(plan.deletions == ["a"])
        #expect(Self.types(plan) == ["FailureTarget"])
        #expect(plan.status.conditions?.first?.reason == "DeadlineExceeded")
        let later = JobPlan(
            Self.job({ $0.activeDeadlineSeconds = 5 }, status: plan.status), pods: [], now: Self.start)
        #expect(Self.types(later) == ["FailureTarget", "Failed"])
    }

    @Test
    func `a suspended job has no pods and no start time, and starts anew`() {
        var status = JobStatus()
        status.startTime = Self.start
        let plan = JobPlan(
            Self.job({ $0.suspend = true }, status: status), pods: [Self.pod("a")], now: Self.start)
        #expect(plan.deletions == ["a"])
        #expect(plan.status.startTime == nil)
        #expect(plan.status.conditions?.first?.reason == "JobSuspended")
        let later = Self.start.advanced(by: 60)
        let resumed = JobPlan(Self.job(status: plan.status), pods: [], now: later)
        #expect(resumed.status.startTime == later)
        #expect(resumed.creations == 1)
        #expect(resumed.status.conditions?.first?.reason == "JobResumed")
    }

    @Test
    func `as many pods run as are wanted and no more`() {
        let job = Self.job {
            $0.parallelism = 3
            $0.completions = 5
        }
        #expect(JobPlan(job, pods: [], now: Self.start).creations == 3)
        #expect(JobPlan(job, pods: [Self.pod("a"), Self.pod("b")], now: Self.start).creations == 1)
        let four = ["a", "b", "c", "d"].map { Self.pod($0) }
        #expect(JobPlan(job, pods: four, now: Self.start).deletions.count == 1)
        var status = JobStatus()
        status.succeeded = 4
        let nearlyDone = BatchJob(metadata: job.metadata, spec: job.spec, status: status)
        #expect(JobPlan(nearlyDone, pods: [], now: Self.start).creations == 1)
    }

    @Test(arguments: [
        ("TerminatingOrFailed", 1), ("Failed", 0),
    ])
    func `a pod that is being deleted is replaced at once, or when it has ended`(
        policy: String, creations: Int
    ) {
        var pod = Self.pod("a")
        pod.metadata.deletionTimestamp = Self.start
        let plan = JobPlan(
            Self.job { $0.podReplacementPolicy = policy }, pods: [pod], now: Self.start.advanced(by: 100))
        #expect(plan.creations == creations)
        #expect(plan.status.terminating == 1)
    }

    @Test
    func `a failure policy ignores disruptions and ends the job on an exit code`() {
        let policy = PodFailurePolicy(rules: [
            .init(action: "Ignore", onPodConditions: [.init(type: "DisruptionTarget")]),
            .init(action: "FailJob", onExitCodes: .init(operator: "In", values: [42])),
        ])
        var disrupted = Self.pod("a", phase: "Failed", endedAt: Self.start)
        disrupted.status?.conditions = [PodCondition(type: "DisruptionTarget", status: .true)]
        let ignored = JobPlan(Self.job { $0.podFailurePolicy = policy }, pods: [disrupted], now: Self.start)
        #expect(ignored.status.uncountedTerminatedPods?.failed == nil)
        #expect(ignored.releases == ["a"])
        let fatal = Self.pod("b", phase: "Failed", endedAt: Self.start, exit: 42)
        let failed = JobPlan(Self.job { $0.podFailurePolicy = policy }, pods: [fatal], now: Self.start)
        #expect(failed.status.conditions?.first?.reason == "PodFailurePolicy")
    }

    @Test
    func `a finished job is deleted when its time is over`() {
        var status = JobStatus()
        status.conditions = [JobCondition(type: "Complete", status: .true, lastTransitionTime: Self.start)]
        let job = Self.job({ $0.ttlSecondsAfterFinished = 30 }, status: status)
        #expect(JobPlan(job, pods: [], now: Self.start.advanced(by: 29)).nextLookIn == 1)
        #expect(JobPlan(job, pods: [], now: Self.start.advanced(by: 30)).deletesJob)
    }
}
