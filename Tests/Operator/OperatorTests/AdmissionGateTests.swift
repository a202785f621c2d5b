import KubernetesAPI
import Scheduling
import Testing

@testable import Operator

@Suite struct AdmissionGateTests {
    private let gang = GangRequest(count: 2, requests: ["nvidia.com/gpu": Quantity(1)])
    private let start = Timestamp(seconds: 1000)

    @Test func `an admitted gang is held against the next`() {
        let gate = AdmissionGate()
        #expect(gate.admit(uid: "a", gang: gang, now: start) { _ in .fits } == .fits)
        var seen: [GangRequest] = []
        _ = gate.admit(uid: "b", gang: gang, now: start) { held in
            seen = held
            return .waits("full")
        }
        #expect(seen == [gang])
    }

    @Test func `a run is not held against itself`() {
        let gate = AdmissionGate()
        _ = gate.admit(uid: "a", gang: gang, now: start) { _ in .fits }
        var seen: [GangRequest] = [gang]
        _ = gate.admit(uid: "a", gang: gang, now: start) { held in
            seen = held
            return .fits
        }
        #expect(seen.isEmpty)
    }

    @Test func `a refusal holds nothing`() {
        let gate = AdmissionGate()
        _ = gate.admit(uid: "a", gang: gang, now: start) { _ in .waits("full") }
        #expect(held(by: gate, at: start).isEmpty)
    }

    @Test func `a reservation ends at its release or after its time`() {
        let gate = AdmissionGate()
        _ = gate.admit(uid: "a", gang: gang, now: start) { _ in .fits }
        _ = gate.admit(uid: "b", gang: gang, now: start) { _ in .fits }
        gate.release(uid: "a")
        #expect(held(by: gate, at: start.advanced(by: AdmissionGate.expirySeconds - 1)) == [gang])
        #expect(held(by: gate, at: start.advanced(by: AdmissionGate.expirySeconds)).isEmpty)
    }

    private func held(by gate: AdmissionGate, at now: Timestamp) -> [GangRequest] {
        var seen: [GangRequest] = []
        _ = gate.admit(uid: "observer", gang: gang, now: now) { held in
            seen = held
            return .waits("only looking")
        }
        return seen
    }
}
