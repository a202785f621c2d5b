import KubernetesAPI
import SeededRandomness
import Testing

@testable import StructuralSchema

/// Hostile inputs: a trap would take the API server down. They are seeded, so that a failure can be repeated.
@Suite struct HostileInputTests {
    static let words = [
        "self", "oldSelf", ".", "spec", "(", ")", "[", "]", "{", "}", "?", ":", "&&", "||", "!", "-", "+",
        "*",
        "/", "%", "==", "<", "in", "1", "9223372036854775807", "1.5", "1u", "'a'", "\"", "'", "has", "all",
        "map",
        "size", "x", ",", "true", "null", "int", "string", "matches", "split", "format", "quantity",
        "duration",
        ".?", "[?", "substring", "\\", "e", "é", "b'", "r\"", "1e999", "0x", "-9223372036854775808",
    ]

    @Test(arguments: 0..<20)
    func `any text is read or refused`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let value: CELValue = CELValue(["spec": ["a": 1, "b": [1, "x", .null]]], schema: nil)
        var read = 0
        for _ in 0..<300 {
            let count = Int.random(in: 1...12, using: &random)
            let text = (0..<count).map { _ in Self.words.randomElement(using: &random) ?? "" }.joined()
            if let expression = try? CELParser.parse(text) {
                read += 1
                var evaluator = CELEvaluator(variables: ["self": value, "x": .int(.min)])
                _ = try? evaluator.evaluate(expression)
                var checker = CELChecker(scope: ["self": .dynamic])
                _ = checker.check(expression)
            }
            if let regex = try? RegularExpression(text) { _ = regex.matches("self.spec(a)") }
        }
        #expect(read > 0)
    }

    static func randomValue(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 4 ? 6 : 8), using: &random) {
        case 0: .null
        case 1: .bool(Bool.random(using: &random))
        case 2: .integer([0, 1, -1, .max, .min, 5].randomElement(using: &random) ?? 0)
        case 3: .number([0.5, 1e300, -1e-300, 4, 1e19].randomElement(using: &random) ?? 0)
        case 4, 5: .string(words.randomElement(using: &random) ?? "")
        case 6:
            .array(
                (0..<Int.random(in: 0...3, using: &random)).map { _ in randomValue(&random, depth: depth + 1)
                })
        default:
            .object(
                Dictionary(
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in
                        (
                            ["spec", "mode", "size", "items", "key", "params", "name"].randomElement(
                                using: &random)
                                ?? "x", randomValue(&random, depth: depth + 1)
                        )
                    }, uniquingKeysWith: { $1 }))
        }
    }

    @Test(arguments: 0..<20)
    func `any value is accepted or reported`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &+ 1000)
        let schema = try Widget.schema()
        for _ in 0..<200 {
            var value = Self.randomValue(&random, depth: 0)
            let old = Self.randomValue(&random, depth: 0)
            _ = schema.validate(value, old: old)
            schema.applyDefaults(to: &value)
            let once = value
            schema.applyDefaults(to: &value)
            #expect(value == once, "defaults are filled in once")
            schema.prune(&value)
            #expect(schema.unknownFields(in: value).isEmpty)
            _ = try? Schema(parsing: value, path: "s")
        }
    }

    @Test func `deep values are walked to a limit`() {
        var value: JSONValue = "x"
        for _ in 0..<250 { value = ["a": value] }
        var schema = Schema.string()
        for _ in 0..<60 { schema = .object(nil, ["a": schema]) }
        #expect(!schema.validate(value).isEmpty)
    }
}
