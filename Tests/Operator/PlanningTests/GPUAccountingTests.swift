import AnnealAPI
import KubernetesAPI
import Testing

@testable import Planning

@Suite struct GPUAccountingTests {
    private static let start = Timestamp(seconds: 1_795_233_600)
    private func at(_ seconds: Int64) -> Timestamp { Self.start.advanced(by: seconds) }

    private func pod(
        _ uid: String = "a", bound: Int64? = 10, ended: Int64? = nil, deleted: Int64? = nil,
        isHeld: Bool = true
    ) -> Pod {
        var pod = Pod(metadata: ObjectMeta(name: "pod-\(uid)", namespace: "team"))
        pod.metadata.uid = uid
        pod.metadata.resourceVersion = "7"
        pod.metadata.finalizers = isHeld ? ["other.dev/keep", Anneal.Finalizer.settle] : nil
        pod.metadata.deletionTimestamp = deleted.map(at)
        pod.status = PodStatus(phase: ended == nil ? (bound == nil ? "Pending" : "Running") : "Failed")
        if let bound {
            // The kubelet acknowledges a pod some time after its bind, which is what counts.
            pod.status?.startTime = at(bound + 5)
            pod.status?.conditions = [
                PodCondition(type: "PodScheduled", status: .true, reason: nil, lastTransitionTime: at(bound))
            ]
        }
        if let ended {
            pod.status?.containerStatuses = [
                ContainerStatus(
                    name: "trainer",
                    state: ContainerState(
                        terminated: ContainerStateTerminated(exitCode: 1, finishedAt: at(ended))))
            ]
        }
        return pod
    }

    private func settle(_ status: inout TrainingJobStatus, _ now: Int64, _ pods: [Pod], gpus: Int = 4) {
        GPUAccounting(now: at(now), patience: 300).settle(&status, pods: pods, gpus: gpus)
    }

    @Test func `a pod counts from its bind to its end, once, however often and late it is looked at`() {
        var status = TrainingJobStatus(phase: .training)
        settle(&status, 5, [pod(bound: nil)])
        #expect(status.podUsage == nil && status.gpuSeconds == nil)
        settle(&status, 20, [pod()])
        #expect(status.podUsage?.map(\.boundAt) == [at(10)] && status.gpuSeconds == nil)
        settle(&status, 500, [pod(ended: 100)])
        #expect(status.gpuSeconds == 360)
        for now in [501, 5000] as [Int64] { settle(&status, now, [pod(ended: 100)]) }
        settle(&status, 5001, [pod(ended: 100, isHeld: false)])
        #expect(status.gpuSeconds == 360)
        settle(&status, 9000, [])
        #expect(status.gpuSeconds == 360 && status.podUsage == nil)
    }

    @Test func `a pod that lived and died unseen counts, as a finalizer kept it`() {
        var status = TrainingJobStatus(phase: .training)
        settle(&status, 500, [pod(ended: 60), pod("b", ended: 110), pod("c", ended: 50, isHeld: false)])
        #expect(status.gpuSeconds == 600, "what is not held was counted before")
    }

    @Test func `a cache that lags behind neither loses nor doubles time`() {
        var status = TrainingJobStatus(phase: .training)
        settle(&status, 20, [pod()])
        settle(&status, 30, [])
        #expect(status.gpuSeconds == 80, "it seems to be gone")
        settle(&status, 40, [pod()])
        settle(&status, 200, [pod(ended: 110)])
        #expect(status.gpuSeconds == 400)
        settle(&status, 210, [pod()])
        settle(&status, 220, [pod(ended: 110)])
        #expect(status.gpuSeconds == 400, "an older state was shown again")
    }

    @Test func `a pod is let go when it is counted, and not before`() throws {
        var status = TrainingJobStatus(phase: .training)
        func releases(_ pod: Pod, now: Int64 = 200) -> [Effect] {
            GPUAccounting(now: at(now), patience: 300).releases(status, pods: [pod])
        }
        settle(&status, 20, [pod()])
        #expect(releases(pod()) == [] && releases(pod(ended: 100)) == [])
        settle(&status, 200, [pod(ended: 100)])
        let effects = releases(pod(ended: 100))
        guard case .patch(let reference, let patch) = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(reference.uid == "a" && effects.count == 1)
        #expect(patch[path: ["metadata", "finalizers"]] == ["other.dev/keep"])
        #expect(patch[path: ["metadata", "resourceVersion"]] == "7")
        #expect(releases(pod(ended: 100, isHeld: false)) == [])
        #expect(releases(pod("b", bound: nil)) == [])
        #expect(releases(pod("b", bound: nil, deleted: 50)).count == 1, "it never held anything")
    }

    @Test func `a pod on a node that is lost is counted to its deletion, and let go`() {
        var status = TrainingJobStatus(phase: .training)
        let lost = pod(deleted: 100)
        settle(&status, 399, [lost])
        let accounting = GPUAccounting(now: at(400), patience: 300)
        #expect(!GPUAccounting(now: at(399), patience: 300).isSettled(status, pods: [lost]))
        settle(&status, 400, [lost])
        #expect(status.gpuSeconds == 360)
        #expect(
            accounting.isSettled(status, pods: [lost]) && accounting.releases(status, pods: [lost]).count == 1
        )
    }

    @Test func `times that make no sense take nothing away and overflow nothing`() {
        var status = TrainingJobStatus(phase: .training)
        status.gpuSeconds = .max - 1
        settle(&status, 500, [pod(bound: 100, ended: 50), pod("b", bound: 900, ended: 950)])
        #expect(status.gpuSeconds == Int64.max - 1)
        settle(&status, 5000, [pod("c", ended: 4000)], gpus: .max)
        #expect(status.gpuSeconds == .max)
        settle(&status, 5000, [pod("d", ended: 4000)], gpus: .min)
        #expect(status.gpuSeconds == .max)
    }

    @Test func `the entries of a status are bounded`() throws {
        var status = TrainingJobStatus(phase: .training)
        for attempt in 0..<20 {
            let pods = (0..<100).map { pod("\(attempt)-\($0)", ended: 20) }
            settle(&status, 100 + Int64(attempt), pods)
        }
        #expect(status.gpuSeconds == 80_000)
        #expect(try #require(status.podUsage?.count) <= 612)
    }
}
