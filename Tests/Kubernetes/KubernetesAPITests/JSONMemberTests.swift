import FoundationEssentials
import KubernetesAPI
import Testing

struct JSONMemberTests {
    @Test(
        arguments: [
            (#"{"a":{"b":"x"}}"#, "x"),
            (#" { "z" : [1,{"b":"no"},"]}"] , "a" : { "c" : "\"}" , "b" : "x" } } "#, "x"),
            (#"{"z":"a","a":{"bb":"no","b":""}}"#, ""),
            (#"{"a":{"b":"x\n"}}"#, nil), (#"{"a":{"b":7}}"#, nil), (#"{"a":"b"}"#, nil),
            (#"{"b":"x"}"#, nil), (#"{"z":{"a":{"b":"x"}}}"#, nil), (#"{"z":"\"a\":{\"b\":\"x\"}"}"#, nil),
            ("", nil), ("{", nil), (#"{"a"#, nil), (#"{"a":{"b":"x"#, nil), (#"{"a":{"b":"x\"#, nil),
            (#"{"a" {"b":"x"}}"#, nil), ("[]", nil), (#"{"z":[[[,"a":{"b":"x"}}"#, nil),
        ] as [(String, String?)])
    func `a member is found only at its path`(text: String, expected: String?) {
        #expect(JSONMember.string(at: ["a", "b"], in: Data(text.utf8)) == expected)
    }

    @Test func `a member is the one that a parser finds`() throws {
        var random = Random(state: 5)
        var found = 0
        for _ in 0..<3000 {
            let inner = random.value(depth: 3)
            let value: JSONValue = ["a": random.below(2) == 0 ? inner : ["b": inner, "c": 1], "0": inner]
            let text = value.serialized(pretty: random.below(2) == 0)
            let expected = value["a"]?["b"]?.stringValue
            let isPlain = expected.map { !$0.contains("\"") && !$0.contains("\\") } ?? true
            #expect(JSONMember.string(at: ["a", "b"], in: text) == (isPlain ? expected : nil))
            found += expected == nil ? 0 : 1
        }
        #expect(found > 100)
    }

    private struct Random {
        var state: UInt64

        mutating func below(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }

        mutating func value(depth: Int) -> JSONValue {
            switch below(depth > 0 ? 8 : 4) {
            case 0: return .integer(Int64(below(100)))
            case 1, 2, 3: return .string(["x", "", "}", "a,b", "\"", "\\", "ü", "{["][Int(below(8))])
            case 4: return .array((0..<below(3)).map { _ in value(depth: depth - 1) })
            default:
                var members: [String: JSONValue] = [:]
                for _ in 0..<below(4) {
                    members[["a", "b", "c", "\""][Int(below(4))]] = value(depth: depth - 1)
                }
                return .object(members)
            }
        }
    }
}
