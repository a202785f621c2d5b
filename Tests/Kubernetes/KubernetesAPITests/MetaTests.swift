import FoundationEssentials
import KubernetesAPI
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-21T00:45:00Z", 1_795_221_900),
            ("2024-02-29T23:59:59Z", 1_709_251_199), ("2026-11-21T02:45:00+02:00", 1_795_221_900),
            ("1969-12-31T23:59:59Z", -1), ("2026-11-21T00:45:00.999Z", 1_795_221_900),
        ] as [(String, Int64)])
    func `a timestamp is read`(text: String, seconds: Int64) {
        #expect(Timestamp(text)?.seconds == seconds)
    }

    @Test(arguments: [
        "", "2026-11-21", "2026-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T00:45:00", "2026-11-21T00:45:00.Z", "2026-11-21 00:45:00Z", "2026-11-21T00:45:00+2:00",
        "２026-11-21T00:45:00Z",
    ])
    func `a malformed timestamp is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `every day of four centuries is written and read back`() {
        for day in stride(from: Int64(-60_000), through: 90_000, by: 1) {
            let instant = Timestamp(seconds: day * 86_400 + 45_296)
            #expect(Timestamp(instant.description) == instant)
        }
    }

    @Test func `arithmetic of times is clamped`() {
        #expect(Timestamp(seconds: .max).advanced(by: 1).seconds == .max)
        #expect(Timestamp(seconds: .min).advanced(by: -1).seconds == .min)
        #expect(Timestamp(seconds: .max).seconds(since: Timestamp(seconds: .min)) == .max)
        #expect(Timestamp(seconds: .max).description == "9999-12-31T23:59:59Z")
    }

    @Test func `microseconds keep their zeros`() {
        #expect(MicroTime(seconds: 0, microseconds: 42).description == "1970-01-01T00:00:00.000042Z")
        #expect(MicroTime("1970-01-01T00:00:00.5Z") == MicroTime(seconds: 0, microseconds: 500_000))
    }
}

@Suite struct QuantityTests {
    @Test(
        arguments: [
            ("1", 1000), ("500m", 500), ("1.5", 1500), ("0.0001", 1), ("2Ki", 2_048_000),
            ("1Gi", 1_073_741_824_000),
            ("1e3", 1_000_000), ("1E3", 1_000_000), ("5E", 5_000_000_000_000_000_000_000), ("-1", -1000),
            ("100n", 1), (".5", 500), ("1e-3", 1),
        ] as [(String, Int128)])
    func `an amount is read`(text: String, milliunits: Int128) {
        #expect(Quantity(text)?.milliunits == milliunits)
    }

    @Test(arguments: [
        "", "x", "1x", "1 Gi", "--1", "1.2.3", "1e99", "Ki", "１", "9999999999999999999999999999E",
    ])
    func `a malformed amount is refused`(text: String) {
        #expect(Quantity(text) == nil)
    }

    @Test func `equal amounts are equal however they are written`() throws {
        #expect(Quantity("1000m") == Quantity("1"))
        #expect(
            try JSONDecoder().decode([Quantity].self, from: Data("[2, \"2\", 2.0]".utf8)).map(\.units) == [
                2, 2, 2,
            ])
    }
}

@Suite struct RequestTests {
    @Test func `paths name group, namespace and subresource`() {
        #expect(Pod.resourceType.path(namespace: "a b", name: "x/y") == "/api/v1/namespaces/a%20b/pods/x%2Fy")
        #expect(Job.resourceType.path(namespace: nil) == "/apis/batch/v1/jobs")
        #expect(
            Node.resourceType.path(namespace: "ignored", name: "n", subresource: "status")
                == "/api/v1/nodes/n/status")
    }

    @Test func `queries are encoded`() {
        let options = ListOptions(labelSelector: "a in (b,c),!d", limit: 5)
        #expect(
            Pod.resourceType.list(namespace: "n", options: options).target
                == "/api/v1/namespaces/n/pods?labelSelector=a%20in%20%28b%2Cc%29%2C%21d&limit=5")
    }

    @Test func `an apply names its manager`() {
        let request = Pod.resourceType.patch(
            namespace: "n", name: "p", .apply(["a": 1], fieldManager: "m", force: true))
        #expect(request.contentType == "application/apply-patch+yaml")
        #expect(request.target.hasSuffix("?fieldManager=m&force=true"))
    }
}

@Suite struct ConditionTests {
    @Test func `the transition time moves only with the status`() {
        func condition(_ status: Condition.Status, at seconds: Int64) -> Condition {
            Condition(
                type: "Finished", status: status, observedGeneration: 1,
                lastTransitionTime: Timestamp(seconds: seconds), reason: "R\(seconds)", message: "")
        }
        var conditions = [condition(.false, at: 1)]
        conditions.set(condition(.false, at: 2))
        #expect(conditions["Finished"]?.lastTransitionTime.seconds == 1)
        #expect(conditions["Finished"]?.reason == "R2")
        conditions.set(condition(.true, at: 3))
        #expect(conditions["Finished"]?.lastTransitionTime.seconds == 3)
        #expect(conditions.isTrue("Finished"))
    }
}

@Suite struct TolerationTests {
    private let taint = Taint(key: "gpu", value: "present", effect: "NoSchedule")

    @Test(arguments: [
        (Toleration(operator: "Exists"), true), (Toleration(key: "gpu", operator: "Exists"), true),
        (Toleration(key: "gpu", value: "present"), true), (Toleration(key: "gpu", value: "other"), false),
        (Toleration(key: "gpu", operator: "Exists", effect: "NoExecute"), false), (Toleration(), false),
    ])
    func `a toleration matches a taint as in Kubernetes`(toleration: Toleration, tolerates: Bool) {
        #expect(toleration.tolerates(taint) == tolerates)
    }
}
