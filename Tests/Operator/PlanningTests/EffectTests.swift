import KubernetesAPI
import Testing

@testable import Planning

@Suite struct EffectTests {
    @Test(
        arguments: [
            (#"{"a":1}"#, #"{"a":1,"b":2}"#, false), (#"{"a":1}"#, #"{"a":2}"#, true),
            (#"{"a":1}"#, "{}", true), (#"{"a":{}}"#, "{}", false), (#"{"a":[]}"#, "{}", false),
            (#"{"a":null}"#, "{}", false), (#"{"a":null}"#, #"{"a":1}"#, true),
            (#"{"a":{"b":"x"}}"#, #"{"a":{"b":"x","c":true}}"#, false),
            (#"{"a":{"b":"x"}}"#, #"{"a":{"b":"y"}}"#, true), (#"{"a":{"b":"x"}}"#, #"{"a":"x"}"#, true),
            (#"{"a":[{"n":1}]}"#, #"{"a":[{"n":1,"m":2}]}"#, false),
            (#"{"a":[{"n":1}]}"#, #"{"a":[{"n":1},{"n":2}]}"#, true),
            (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#, true),
        ])
    func `a child has drifted where something that is wanted is missing or differs`(
        wanted: String, observed: String, hasDrifted: Bool
    ) throws {
        let kept = Drift.isKept(try JSONValue(parsing: wanted), in: try JSONValue(parsing: observed))
        #expect(kept != hasDrifted)
    }

    @Test func `children that are equal are equal effects, whatever their kind`() {
        let service = Service(metadata: ObjectMeta(name: "a", namespace: "n"))
        let lease = Lease(metadata: ObjectMeta(name: "a", namespace: "n"))
        #expect(Child(service) == Child(service))
        #expect(Child(service) != Child(lease))
        #expect(Set([Child(service), Child(lease), Child(service)]).count == 2)
        #expect(Child(service).of(Service.self) == service && Child(service).of(Lease.self) == nil)
        #expect(Child(service).reference == nil, "it has no UID yet")
    }

    @Test func `a refusal is told once, and its end too, where it was told`() {
        let (early, late) = (Timestamp(seconds: 1), Timestamp(seconds: 2))
        var conditions: [Condition]?
        EffectReport.note([], in: &conditions, generation: 1, now: early)
        #expect(conditions == nil, "success alone is not worth a write")
        let refusals = [
            ("QuotaExceeded", "create Pod a: exceeded quota"), ("Invalid", "create Pod b: wrong"),
        ]
        EffectReport.note(refusals, in: &conditions, generation: 1, now: early)
        let told = conditions
        #expect(told?["Applied"]?.status == .false)
        #expect(told?["Applied"]?.reason == "QuotaExceeded")
        #expect(told?["Applied"]?.message.contains("Pod a: exceeded quota; create Pod b") == true)
        EffectReport.note(refusals, in: &conditions, generation: 1, now: late)
        #expect(conditions == told, "what is known is not written again")
        EffectReport.note([], in: &conditions, generation: 1, now: late)
        #expect(conditions?["Applied"]?.status == .true)
        #expect(conditions?["Applied"]?.lastTransitionTime == late)
    }
}
