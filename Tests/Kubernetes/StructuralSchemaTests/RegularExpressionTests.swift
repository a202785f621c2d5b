import StructuralSchema
import Testing

@Suite struct RegularExpressionTests {
    @Test(arguments: [
        ("abc", "xabcx", true), ("^abc$", "xabc", false), ("^$", "", true), ("a|b|", "", true),
        ("^(a|b)+c?$", "abab", true), ("^(a|b)+c?$", "abcc", false), ("^[^a-c]$", "d", true),
        ("^[^a-c]$", "a", false), ("^[a-]$", "-", true), ("^[]a]$", "]", true), (#"^\d{2,3}$"#, "12", true),
        (#"^\d{2,3}$"#, "1234", false), (#"^\d{2}$"#, "12", true), ("^a{,2}$", "a{,2}", true),
        ("^.$", "é", true),
        ("^.$", "\n", false), ("(?s)^.$", "\n", true), ("(?i)^ABC$", "aBc", true), ("^(?i:A)b$", "aB", false),
        ("^[[:alpha:]_]+$", "ab_", true), (#"\bfoo\b"#, "a foo b", true), (#"\bfoo\b"#, "afoo", false),
        (#"^\x41\.$"#, "A.", true), ("^(?P<n>x)$", "x", true), ("(a*)*$", "aaa", true),
        ("^x*?y$", "xxy", true),
        (#"^[\w.-]+@[\w-]+\.[a-z]{2,}$"#, "a.b@c-d.org", true),
        (#"^s3://[a-z0-9][a-z0-9.-]{1,61}/.*$"#, "s3://abc/", true),
        ("(?m)^b$", "a\nb\nc", true), ("^(([0-9]+)|x)?$", "12", true),
    ])
    func `a pattern matches as RE2 does`(pattern: String, text: String, matches: Bool) throws {
        #expect(try RegularExpression(pattern).matches(text) == matches)
    }

    @Test(arguments: [
        "(", ")", "[a", "*a", "a**", "a{1001}", "(?=a)", #"\1"#, "a\\", "[b-a]", #"\q"#, "[[:nope:]]",
        "((((a{1000}){1000}){1000}){1000})", "((((){1000}){1000}){1000}){1000}",
        String(repeating: "(", count: 2000), String(repeating: "a", count: 5000),
    ])
    func `a malformed pattern is refused`(pattern: String) {
        #expect(throws: RegularExpression.SyntaxError.self) { try RegularExpression(pattern) }
    }

    @Test func `matching takes linear time where backtracking would not`() throws {
        let text = String(repeating: "a", count: 2000) + "!"
        #expect(try !RegularExpression("^(a+)+$").matches(text))
        #expect(try !RegularExpression("^(a|aa)*b?$").matches(text))
    }
}
