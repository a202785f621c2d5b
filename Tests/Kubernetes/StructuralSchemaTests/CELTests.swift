import KubernetesAPI
import Testing

@testable import StructuralSchema

@Suite struct CELTests {
    static func evaluate(_ text: String, _ variables: [String: CELValue] = [:]) throws -> CELValue {
        var evaluator = CELEvaluator(variables: variables)
        return try evaluator.evaluate(try CELParser.parse(text))
    }

    @Test(arguments: [
        "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "7 / 2 == 3", "-7 % 3 == -1", "1.5 + 1.5 == 3.0", "1 == 1.0",
        "0x1F == 31", "1u + 2u == 3u", "-9223372036854775808 < 0", "!false", "true ? 1 == 1 : false",
        "'a' + \"b\" == 'ab'", "'a\\n' == \"\"\"a\n\"\"\"", "r'\\d' == '\\\\d'", "'\\u00e9' == 'é'",
        "2 in [1, 2]", "'a' in {'a': 1}", "!(3 in [1, 2])", "[1, 2] + [3] == [1, 2, 3]",
        "size('héllo') == 5", "[1, 2].size() == 2", "{'a': 1}.size() == 1", "{'a': 1}['a'] == 1",
        "[5, 6][1] == 6",
        "[1, 2, 3].all(x, x > 0)", "[1, 2, 3].exists(x, x == 2)", "[1, 2, 3].exists_one(x, x > 2)",
        "[1, 2, 3].filter(x, x > 1) == [2, 3]", "[1, 2].map(x, x * 2) == [2, 4]",
        "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]", "{'a': 1, 'b': 2}.all(k, k != 'c')",
        "[10, 20].all(i, v, v == (i + 1) * 10)", "has({'a': 1}.a)", "!has({'a': 1}.b)",
        "'abc'.startsWith('ab') && 'abc'.endsWith('bc') && 'abc'.contains('b')",
        "'abc'.matches('^[a-c]+$')", "!'abd'.matches('^[a-c]+$')", "matches('x1', '[0-9]')",
        "'a,b,c'.split(',') == ['a', 'b', 'c']", "'a,b,c'.split(',', 2) == ['a', 'b,c']",
        "['a', 'b'].join('-') == 'a-b'", "'ABC'.lowerAscii() == 'abc'", "'  x '.trim() == 'x'",
        "'aXbX'.replace('X', '-') == 'a-b-'", "'aXbX'.replace('X', '-', 1) == 'a-bX'",
        "'hello'.substring(1, 3) == 'el'", "'hello'.indexOf('l') == 2", "'hello'.lastIndexOf('l') == 3",
        "'hello'.charAt(1) == 'e'", "'%s is %d'.format(['x', 3]) == 'x is 3'",
        "'%.2f'.format([1.5]) == '1.50'",
        "int('42') == 42", "int(2.9) == 2", "double('1.5') == 1.5", "string(42) == '42'",
        "string(true) == 'true'",
        "duration('1h30m').getMinutes() == 90", "duration('90s') < duration('2m')",
        "timestamp('2026-11-21T00:00:00Z') + duration('1h') == timestamp('2026-11-21T01:00:00Z')",
        "timestamp('2026-11-21T00:00:00Z').getFullYear() == 2026",
        "timestamp('2026-11-21T00:00:00Z').getDayOfWeek() == 6",
        "isQuantity('1Gi') && !isQuantity('much')", "quantity('1Gi').isGreaterThan(quantity('1G'))",
        "quantity('500m').compareTo(quantity('0.5')) == 0", "quantity('1').add(1) == quantity('2')",
        "isURL('https://a/b') && !isURL('a b')", "url('https://h:80/p?q=1').getHostname() == 'h'",
        "url('s3://bucket/key').getHost() == 'bucket'", "url('https://h/p?q=1').getQuery()['q'] == ['1']",
        "optional.of(1).orValue(2) == 1", "optional.none().orValue(2) == 2", "{'a': 1}.?b.orValue(3) == 3",
        "{'a': 1}[?'a'].hasValue()", "optional.of(2).optMap(x, x + 1).value() == 3", "type(1) == int",
        "[3, 1, 2].max() == 3 && [3, 1, 2].sum() == 6 && [1, 2].isSorted()",
        "'a1b22'.findAll('[0-9]+') == ['1', '22']",
        "sets.contains([1, 2, 3], [2, 1]) && !sets.intersects([1], [2]) && sets.equivalent([1, 2], [2, 1, 1])",
        "isIP('::1') && isIP('10.0.0.1') && !isIP('10.0.0.256') && isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0')",
        "null == null", "'a' < 'b'", "b'ab' == bytes('ab')", "math.greatest(1, 2) == 2",
        "true || 1 / 0 == 1", "1 / 0 == 1 || true", "!(false && 1 / 0 == 1)", "[0, 1].exists(x, 1 / x == 1)",
    ])
    func `an expression holds`(expression: String) throws {
        #expect(try Self.evaluate(expression) == .bool(true))
    }

    @Test(arguments: [
        ("9223372036854775807 + 1", "integer overflow"), ("-9223372036854775808 - 1", "integer overflow"),
        ("9223372036854775807 * 2", "integer overflow"), ("1 / 0", "division by zero"),
        ("-9223372036854775808 / -1", "integer overflow"), ("1 % 0", "modulus by zero"),
        ("0u - 1u", "integer overflow"), ("[1][1]", "index out of bounds: 1"),
        ("{'a': 1}.b", "no such key: b"),
        ("1 + 'a'", "no such overload"), ("int('x')", "strconv.ParseInt: parsing \"x\": invalid syntax"),
        ("int(1e300)", "integer overflow"), ("duration('soon')", "time: invalid duration \"soon\""),
        ("'abc'.substring(2, 1)", "invalid substring range. start: 2, end: 1"),
        ("optional.none().value()", "optional.none() dereference"),
        ("false || 1 / 0 == 1", "division by zero"),
    ])
    func `an expression fails with upstream's message`(expression: String, message: String) {
        let error = #expect(throws: CELError.self) { try Self.evaluate(expression) }
        #expect(error?.message == message)
    }

    @Test func `an evaluation ends within its budget`() {
        let list = "[" + (0..<60).map(String.init).joined(separator: ",") + "]"
        let expression = "\(list).all(a, \(list).all(b, \(list).all(c, \(list).all(d, a + b + c + d >= 0))))"
        let error = #expect(throws: CELError.self) { try Self.evaluate(expression) }
        #expect(error?.code == .budget)
    }

    @Test(arguments: [
        String(repeating: "(", count: 500) + "1" + String(repeating: ")", count: 500),
        String(repeating: "!", count: 500) + "true", (0..<500).map(String.init).joined(separator: "+"),
        "a" + String(repeating: ".b", count: 500), String(repeating: "[", count: 5000), "'a", "1 +",
        "a.b.(c)", "@",
        "99999999999999999999", "has(a)", "'\\q'", "[1, 2].all(1, true)",
    ])
    func `an unreadable expression is refused`(expression: String) {
        #expect(throws: CELError.self) { try CELParser.parse(expression) }
    }

    @Test func `long conjunctions are evaluated`() throws {
        let terms = (0..<500).map { "\($0) >= 0" }.joined(separator: " && ")
        #expect(try Self.evaluate(terms) == .bool(true))
    }

    @Test func `names that are no identifiers are escaped`() throws {
        let schema = Schema.object(
            nil, ["a-b": .string(), "namespace": .string(), "c.d/e": .integer(), "x__y": .integer()])
        let value = CELValue(["a-b": "1", "namespace": "n", "c.d/e": 2, "x__y": 3], schema: schema)
        #expect(
            try Self.evaluate(
                "self.a__dash__b == '1' && self.__namespace__ == 'n' && self.c__dot__d__slash__e == 2"
                    + " && self.x__underscores__y == 3", ["self": value]) == .bool(true))
    }

    @Test func `schemas decide the types of numbers, times and lists`() throws {
        let schema = Schema.object(
            nil,
            [
                "ratio": .number(), "when": .timestamp(), "wait": .string(format: .duration),
                "tags": .listSet(of: .string()), "any": .intOrString(),
            ])
        let value = CELValue(
            ["ratio": 1, "when": "2026-11-21T00:00:00Z", "wait": "90s", "tags": ["b", "a"], "any": "5%"],
            schema: schema)
        let other = CELValue(["tags": ["a", "b"]], schema: schema)
        #expect(
            try Self.evaluate(
                "self.ratio / 2.0 == 0.5 && self.when < timestamp('2027-01-01T00:00:00Z')"
                    + " && self.wait == duration('1m30s') && self.tags == other.tags && self.any == '5%'"
                    + " && type(self.any) == string", ["self": value, "other": other]) == .bool(true))
    }
}
