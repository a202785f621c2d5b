import KubernetesAPI
import NodeAgent
import Testing

@Suite struct PodStatusReportTests {
    static let now = PodStepsTests.now

    static func report(
        _ spec: PodSpec, _ records: [ContainerRecord], stop: StopReason? = nil, finished: Bool = false
    ) -> PodStatus {
        let pod = Pod(metadata: ObjectMeta(name: "p", namespace: "ns"), spec: spec)
        return PodStatusReport(
            pod: pod, records: Dictionary(uniqueKeysWithValues: records.map { ($0.name, $0) }), stop: stop,
            isFinished: finished, podIP: "127.20.0.1", hostIP: "127.0.0.1", startTime: now, now: now
        ).status()
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var policy = "Never"
        var inits: [String] = []
        var sidecars: [String] = []
        var records: [ContainerRecord]
        var stop: StopReason?
        var finished = false
        var phase: String
    }

    static let running = PodStepsTests.record("main", .running(since: now), started: true)
    static let sidecar = PodStepsTests.record("s", .running(since: now), started: true)

    @Test(arguments: [
        Case(testDescription: "nothing started", records: [], phase: "Pending"),
        Case(testDescription: "running", records: [running], phase: "Running"),
        Case(
            testDescription: "succeeded", records: [PodStepsTests.record("main", PodStepsTests.end(0))],
            phase: "Succeeded"),
        Case(
            testDescription: "failed", records: [PodStepsTests.record("main", PodStepsTests.end(3))],
            phase: "Failed"),
        Case(
            testDescription: "ended but will restart", policy: "Always",
            records: [PodStepsTests.record("main", PodStepsTests.end(0))], phase: "Running"),
        Case(
            testDescription: "failed init", inits: ["i"],
            records: [PodStepsTests.record("i", PodStepsTests.end(1))], phase: "Failed"),
        Case(
            testDescription: "running init", inits: ["i"],
            records: [PodStepsTests.record("i", .running(since: now))], phase: "Pending"),
        Case(
            testDescription: "main done, sidecar runs", sidecars: ["s"],
            records: [sidecar, PodStepsTests.record("main", PodStepsTests.end(0))], phase: "Running"),
        Case(
            testDescription: "sidecar's exit code does not count", sidecars: ["s"],
            records: [
                PodStepsTests.record("s", PodStepsTests.end(137)),
                PodStepsTests.record("main", PodStepsTests.end(0)),
            ], phase: "Succeeded"),
        Case(
            testDescription: "deadline", records: [PodStepsTests.record("main", PodStepsTests.end(143))],
            stop: .deadlineExceeded, finished: true, phase: "Failed"),
        Case(
            testDescription: "deleted before it ended", policy: "Always",
            records: [PodStepsTests.record("main", PodStepsTests.end(143))], stop: .deleted, finished: true,
            phase: "Failed"),
    ])
    func `the containers decide the phase of a pod`(_ example: Case) {
        let spec = PodStepsTests.spec(
            policy: example.policy, inits: example.inits, sidecars: example.sidecars)
        let status = Self.report(spec, example.records, stop: example.stop, finished: example.finished)
        #expect(status.phase == example.phase)
    }

    @Test
    func `a pod is ready when every container and sidecar is`() {
        let spec = PodStepsTests.spec(sidecars: ["s"])
        let ready = Self.report(spec, [Self.sidecar, Self.running])
        #expect(ready.conditions?.first { $0.type == "Ready" }?.status == .true)
        var unready = Self.running
        unready.isReady = false
        let condition = Self.report(spec, [Self.sidecar, unready]).conditions?.first { $0.type == "Ready" }
        #expect(condition?.status == .false)
        #expect(condition?.message == "containers with unready status: [main]")
    }

    @Test
    func `an eviction shows as DisruptionTarget`() {
        let status = Self.report(
            PodStepsTests.spec(), [PodStepsTests.record("main", PodStepsTests.end(137))],
            stop: .evicted("too big"),
            finished: true)
        #expect(status.reason == "Evicted")
        #expect(status.conditions?.first { $0.type == "DisruptionTarget" }?.reason == "TerminationByKubelet")
    }

    @Test
    func `a crashed container shows its wait and its last end`() {
        var record = Self.running
        record.end(Termination(exitCode: 1, reason: "Error", finishedAt: Self.now))
        record.awaitRestart(of: "p", now: Self.now)
        let status = Self.report(PodStepsTests.spec(policy: "Always"), [record]).containerStatuses?.first
        #expect(status?.state?.waiting?.reason == "CrashLoopBackOff")
        #expect(status?.lastState?.terminated?.exitCode == 1)
    }
}
