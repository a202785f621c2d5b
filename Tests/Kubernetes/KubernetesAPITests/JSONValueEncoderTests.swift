import FoundationEssentials
import KubernetesAPI
import Testing

/// Encoding to a `JSONValue`, against `JSONEncoder` and a parser after it.
struct JSONValueEncoderTests {
    private func throughText(_ value: some Encodable) throws -> JSONValue {
        try JSONValue(parsing: try JSONEncoder().encode(value))
    }

    private func expectSame(_ value: some Encodable, _ location: SourceLocation = #_sourceLocation) throws {
        let direct = try JSONValue(encoding: value)
        #expect(direct == (try throughText(value)), sourceLocation: location)
    }

    private struct Everything: Codable {
        enum Word: String, Codable { case one, two }
        struct Inner: Codable {
            var a: Int?
            var b: [String: [Double]]?
        }
        var flag = true
        var small: Int8 = -8
        var unsigned: UInt32 = 4_000_000_000
        var large: Int64 = .min
        var huge: UInt64 = .max
        var real = 0.1
        var whole = 3.0
        var minusZero = -0.0
        var big = 1e20
        var tiny = 1e-300
        var single: Float = 0.1
        var text = "a\"\u{1F600}\n/"
        var missing: String?
        var word = Word.two
        var words: [Word?] = [.one, nil]
        var byName: [String: Int] = ["x": 1, "": 2]
        var byNumber: [Int: String] = [1: "a"]
        var inner = [Inner(), Inner(a: 1, b: ["k": [1, 2.5], "e": []])]
        var bytes = Data([0, 255, 7])
        var time = Timestamp(seconds: 1_700_000_000)
        var quantity = Quantity("1.5Gi")
        var json: JSONValue = ["a": [1, 1.5, 2.0, .null, "x"], "o": [:]]
        var nothing: JSONValue = .null
    }

    @Test func `a struct of all types is encoded as by JSONEncoder`() throws { try expectSame(Everything()) }

    @Test func `single values are encoded as by JSONEncoder`() throws {
        try expectSame([1, 2, 3])
        try expectSame(["a": ["b": [true, false]]])
        try expectSame("text")
        try expectSame(7)
        try expectSame(JSONValue.number(4.0))
        try expectSame([String]())
        try expectSame([String: String]())
    }

    @Test func `a pod is encoded as by JSONEncoder`() throws {
        var container = Container(name: "main", image: "image:1", command: ["a"], args: ["--b=1"])
        container.env = [EnvVar(name: "A", value: "1")]
        container.resources = ResourceRequirements(
            requests: ["cpu": Quantity(2)], limits: ["memory": try #require(Quantity("64Mi"))])
        var pod = Pod(metadata: ObjectMeta(name: "p", namespace: "n", labels: ["a": "b"]))
        pod.spec = PodSpec(containers: [container])
        try expectSame(pod)
    }

    /// Encodes its members piece by piece, as hand-written conformances do.
    private struct ByHand: Encodable {
        enum Key: String, CodingKey { case list, object, late, base }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            var list = container.nestedUnkeyedContainer(forKey: .list)
            try list.encode(1)
            try list.encodeNil()
            var inList = list.nestedContainer(keyedBy: Key.self)
            try inList.encode("x", forKey: .late)
            var nested = list.nestedUnkeyedContainer()
            try nested.encode(2.5)
            var object = container.nestedContainer(keyedBy: Key.self, forKey: .object)
            try object.encodeNil(forKey: .late)
            try 7.encode(to: container.superEncoder(forKey: .base))
            var again = encoder.container(keyedBy: Key.self)
            try again.encode(true, forKey: .late)
            try list.encode("end")
        }
    }

    @Test func `containers may be filled in any order`() throws { try expectSame(ByHand()) }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func `NaN and infinity are refused`(number: Double) {
        #expect(throws: EncodingError.self) { try JSONValue(encoding: ["a": [number]]) }
        #expect(throws: EncodingError.self) { try JSONValue(encoding: JSONValue.number(number)) }
    }

    @Test func `an error says where the value is`() throws {
        let error = try #require(throws: EncodingError.self) {
            try JSONValue(encoding: ["a": [["b": 1.5], ["b": .nan]]])
        }
        guard case .invalidValue(_, let context) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(context.codingPath.map(\.stringValue) == ["a", "Index 1", "b"])
    }

    @Test func `the depth is limited before the stack is used up`() {
        final class Nested: Encodable {
            var inner: Nested?
        }
        let innermost = Nested()
        var outermost = innermost
        for _ in 0..<2000 {
            let outer = Nested()
            outer.inner = outermost
            outermost = outer
        }
        #expect(throws: EncodingError.self) { try JSONValue(encoding: outermost) }
    }
}
