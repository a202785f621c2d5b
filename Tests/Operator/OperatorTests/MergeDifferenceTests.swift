import KubernetesAPI
import SeededRandomness
import Testing

@testable import Operator

@Suite struct MergeDifferenceTests {
    @Test(
        arguments: [
            (["a": 1], ["a": 1], nil),
            (["a": 1], ["a": 2], ["a": 2]),
            (["a": 1, "b": 2], ["b": 2], ["a": .null]),
            (["a": ["x": 1, "y": 2]], ["a": ["x": 1, "y": 3]], ["a": ["y": 3]]),
            (["a": [1, 2]], ["a": [1]], ["a": [1]]),
            (["a": ["x": 1]], ["a": 7], ["a": 7]),
            ([:], ["a": ["b": [:]]], ["a": ["b": [:]]]),
        ] as [(JSONValue, JSONValue, JSONValue?)])
    func `only differences are sent`(old: JSONValue, new: JSONValue, expected: JSONValue?) {
        #expect(MergeDifference.between(old, new) == expected)
    }

    @Test func `merging the difference gives the new value`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let old = random.object(depth: 3)
            let new = random.object(depth: 3)
            let difference = MergeDifference.between(old, new)
            #expect(difference.map { merge($0, into: old) } ?? old == new)
        }
    }

    /// Merge of a patch, as RFC 7396, section 2, defines it.
    private func merge(_ patch: JSONValue, into target: JSONValue) -> JSONValue {
        guard case .object(let members) = patch else { return patch }
        var result = target.objectValue ?? [:]
        for (key, value) in members {
            if value.isNull {
                result.removeValue(forKey: key)
            } else {
                result[key] = merge(value, into: result[key] ?? .null)
            }
        }
        return .object(result)
    }
}

extension SeededGenerator {
    /// A status never holds nulls, which a merge patch could not express.
    fileprivate mutating func object(depth: Int) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for key in ["a", "b", "c", "d"] where Bool.random(using: &self) {
            members[key] = value(depth: depth - 1)
        }
        return .object(members)
    }

    private mutating func value(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 5 : 3), using: &self) {
        case 0: .integer(Int64.random(in: 0..<3, using: &self))
        case 1: .string("x")
        case 2: .array([.integer(Int64.random(in: 0..<3, using: &self))])
        default: object(depth: depth)
        }
    }
}
