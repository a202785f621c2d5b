import FoundationEssentials
import KubernetesAPI
import Testing

@Suite struct JSONTests {
    @Test(
        arguments: [
            ("null", .null), ("true", true),
            (" [1, -2.5e3 , \"a\\n\\u00e9\\ud83d\\ude00\"] ", [1, -2500.0, "a\né😀"]),
            ("{\"a\":{},\"a\":1}", ["a": 1]), ("9223372036854775807", .integer(.max)),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("\"\\ud800\"", "\u{FFFD}"),
            ("0", 0),
        ] as [(String, JSONValue)])
    func `valid JSON is parsed`(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == expected)
    }

    @Test(arguments: [
        ("", JSONParseError.Code.unexpectedEnd, 0), ("[1,]", .unexpectedByte(UInt8(ascii: "]")), 3),
        ("{\"a\" 1}", .unexpectedByte(UInt8(ascii: "1")), 5), ("01", .trailingBytes, 1),
        ("1.", .invalidNumber, 2),
        ("\"a", .unexpectedEnd, 2), ("\"\\x\"", .invalidString, 3),
        ("tru", .unexpectedByte(UInt8(ascii: "t")), 0),
        ("[1] 2", .trailingBytes, 4), ("1e999", .invalidNumber, 5),
    ])
    func `invalid JSON is refused with code and offset`(text: String, code: JSONParseError.Code, offset: Int)
    {
        #expect(throws: JSONParseError(code: code, offset: offset)) { try JSONValue(parsing: text) }
    }

    @Test func `the depth is limited before the stack is used up`() {
        let text = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONParseError(code: .tooDeep(limit: 256), offset: 257)) {
            try JSONValue(parsing: text)
        }
    }

    @Test func `written JSON is read back alike`() throws {
        let value: JSONValue = [
            "z": [1, 2.5, .null, false], "a": ["quote\"": "tab\tnul\u{0}", "é": "😀"], "big": .integer(.min),
        ]
        #expect(try JSONValue(parsing: value.serialized()) == value)
        #expect(try JSONValue(parsing: value.serialized(pretty: true)) == value)
        #expect(value.text.hasPrefix("{\"a\":"))
    }

    @Test func `whole numbers lose their fraction`() {
        #expect(JSONValue.number(3).text == "3")
        #expect(JSONValue.number(0.1).text == "0.1")
        #expect(JSONValue.number(.nan).text == "null")
    }

    @Test func `every truncation is refused and nothing traps`() throws {
        let text = #"{"a":[1,-2.5e+3,"x\u00e9\n",true,null],"b":{"c":{}}}"#
        for length in 0..<text.utf8.count {
            #expect(throws: JSONParseError.self) { try JSONValue(parsing: text.utf8.prefix(length)) }
        }
    }

    @Test func `paths are set and read`() {
        var value: JSONValue = ["a": ["b": 1]]
        value[path: ["a", "c", "d"]] = "x"
        #expect(value == ["a": ["b": 1, "c": ["d": "x"]]])
        #expect(value[path: ["a", "b"]] == 1)
        #expect(value[path: ["a", "b", "c"]] == nil)
        value["a"] = nil
        #expect(value == [:])
    }
}
