import KubernetesAPI
import NodeAgent
import Testing

@Suite struct PodStepsTests {
    static let now = Timestamp(seconds: 1000)

    static func record(_ name: String, _ state: ContainerRecord.State, started: Bool = false)
        -> ContainerRecord
    {
        var record = ContainerRecord(name: name, state: state)
        record.hasStarted = started
        record.isReady = started
        return record
    }

    static func end(_ code: Int64) -> ContainerRecord.State {
        .terminated(Termination(exitCode: code, reason: code == 0 ? "Completed" : "Error", finishedAt: now))
    }

    static func spec(
        policy: String = "Never", mains: [String] = ["main"], inits: [String] = [], sidecars: [String] = []
    ) -> PodSpec {
        var spec = PodSpec(containers: mains.map { Container(name: $0, image: "i") })
        spec.restartPolicy = policy
        spec.initContainers =
            inits.map { Container(name: $0, image: "i") }
            + sidecars.map {
                var container = Container(name: $0, image: "i")
                container.restartPolicy = "Always"
                return container
            }
        return spec
    }

    static func steps(_ spec: PodSpec, _ records: [ContainerRecord], stop: StopReason? = nil) -> [PodStep] {
        PodSituation(
            spec: spec, records: Dictionary(uniqueKeysWithValues: records.map { ($0.name, $0) }), stop: stop,
            now: now
        ).steps()
    }

    @Test
    func `the containers of a plain pod are started`() {
        #expect(Self.steps(Self.spec(mains: ["a", "b"]), []) == [.start("a"), .start("b")])
    }

    @Test
    func `init containers run one after the other, then the sidecar, then the main container`() {
        let spec = Self.spec(inits: ["i1", "i2"], sidecars: ["s"])
        #expect(Self.steps(spec, []) == [.start("i1")])
        let first = Self.record("i1", Self.end(0))
        #expect(Self.steps(spec, [Self.record("i1", .running(since: Self.now))]) == [])
        #expect(Self.steps(spec, [first]) == [.start("i2")])
        let inits = [first, Self.record("i2", Self.end(0))]
        #expect(Self.steps(spec, inits) == [.start("s")])
        #expect(Self.steps(spec, inits + [Self.record("s", .running(since: Self.now))]) == [])
        let running = inits + [Self.record("s", .running(since: Self.now), started: true)]
        #expect(Self.steps(spec, running) == [.start("main")])
    }

    @Test
    func `a sidecar that ends is started again while the main container runs`() {
        let spec = Self.spec(sidecars: ["s"])
        let main = Self.record("main", .running(since: Self.now), started: true)
        #expect(Self.steps(spec, [main, Self.record("s", Self.end(0))]) == [.start("s")])
    }

    @Test
    func `sidecars are stopped in reverse order after the main container`() {
        let spec = Self.spec(sidecars: ["s1", "s2"])
        let main = Self.record("main", Self.end(0))
        let s1 = Self.record("s1", .running(since: Self.now), started: true)
        let s2 = Self.record("s2", .running(since: Self.now), started: true)
        #expect(Self.steps(spec, [main, s1, s2]) == [.stop("s2")])
        #expect(Self.steps(spec, [main, s1, Self.record("s2", Self.end(143))]) == [.stop("s1")])
        #expect(
            Self.steps(spec, [main, Self.record("s1", Self.end(137)), Self.record("s2", Self.end(0))]) == [
                .finish
            ])
    }

    @Test
    func `a failed init container ends a pod that is never restarted, and runs again otherwise`() {
        let failed = Self.record("i", Self.end(1))
        #expect(Self.steps(Self.spec(inits: ["i"]), [failed]) == [.finish])
        #expect(Self.steps(Self.spec(policy: "OnFailure", inits: ["i"]), [failed]) == [.start("i")])
    }

    @Test(
        arguments: [
            ("Never", 0, PodStep.finish), ("Never", 1, .finish), ("OnFailure", 0, .finish),
            ("OnFailure", 1, .start("main")), ("Always", 0, .start("main")), ("Always", 1, .start("main")),
        ] as [(String, Int64, PodStep)])
    func `containers are restarted as the policy says`(policy: String, code: Int64, expected: PodStep) {
        #expect(Self.steps(Self.spec(policy: policy), [Self.record("main", Self.end(code))]) == [expected])
    }

    @Test
    func `a restart waits for its back-off`() {
        var record = Self.record("main", .running(since: Self.now))
        for _ in 0..<3 { record.end(Termination(exitCode: 1, reason: "Error", finishedAt: Self.now)) }
        #expect(record.notBefore == Self.now.advanced(by: 20))
        #expect(Self.steps(Self.spec(policy: "Always"), [record]) == [.awaitRestart("main")])
        record.awaitRestart(of: "p", now: Self.now)
        #expect(Self.steps(Self.spec(policy: "Always"), [record]) == [])
        record.notBefore = Self.now
        #expect(Self.steps(Self.spec(policy: "Always"), [record]) == [.start("main")])
    }

    @Test(arguments: [(1, 0), (2, 10), (3, 20), (4, 40), (7, 300), (90, 300)] as [(Int, Int64)])
    func `the delays are those of the kubelet`(ends: Int, seconds: Int64) {
        #expect(RestartBackoff.delay(afterEnds: ends) == seconds)
    }

    @Test
    func `a deleted pod stops what runs, main containers first, and starts nothing`() {
        let spec = Self.spec(policy: "Always", mains: ["a", "b"], sidecars: ["s"])
        let sidecar = Self.record("s", .running(since: Self.now), started: true)
        let a = Self.record("a", .running(since: Self.now), started: true)
        #expect(Self.steps(spec, [sidecar, a], stop: .deleted) == [.stop("a")])
        #expect(Self.steps(spec, [sidecar, Self.record("a", Self.end(143))], stop: .deleted) == [.stop("s")])
        #expect(Self.steps(spec, [], stop: .deleted) == [.finish])
    }
}
