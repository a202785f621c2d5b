import SeededRandomness

extension SeededGenerator {
    /// A number from 0 to below `limit`; 0 if the limit is not positive.
    mutating func below(_ limit: Int) -> Int { limit > 0 ? Int.random(in: 0..<limit, using: &self) : 0 }
}

/// Makes inputs that are nearly right: samples with a few changes, some to bytes and some to values.
struct Mutator {
    let corpus: [[UInt8]]
    var draws: SeededGenerator

    /// Tokens that decoders may fail at: ends of number ranges, escapes, ends of UTF-8, brackets, words.
    private static let tokens: [[UInt8]] =
        [
            "0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e309",
            "-1e-400",
            "0.1e+99999999999", "18446744073709551616", "1e18", "NaN", "Infinity", "-", "null", "true", "{}",
            "[]",
            "\"\"", "\\u0000", "\\ud800", "\\udc00\\ud800", "\\", "\"", "{\"a\":", "[[[[[[[[", "}}}}", "]",
            ",", ":",
            "\r\n", "\n\n", "\t", " ", "Ki", "Ei", "e", "m", "2026-02-30T25:61:61Z",
            "9999-12-31T23:59:59.999999999Z",
            "-0001-01-01T00:00:00Z", "<a>", "</a>", "&#x110000;", "&#0;", "&amp;", "<![CDATA[", "]]>", "<!--",
            "%",
            "%00", "../", "(", ")*", "{1,1000}", "[a-", "\\p{L}", "?:", "&&", "||", "self", "has(",
            ".all(x, x)", "*",
            "- &a", "*a", "!!binary", "|", "metadata", "items", "status", "spec", "é",
            "\u{1F9D1}\u{200D}\u{1F680}",
        ].map { Array($0.utf8) } + [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0], [0x80],
        ]

    mutating func next() -> [UInt8] {
        var bytes = corpus.isEmpty ? [] : corpus[draws.below(corpus.count)]
        for _ in 0...draws.below(4) { change(&bytes) }
        return Array(bytes.prefix(64 << 10))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = draws.below(bytes.count + 1)
        switch draws.below(11) {
        case 0: if place < bytes.count { bytes[place] ^= 1 << UInt8(draws.below(8)) }
        case 1: if place < bytes.count { bytes[place] = UInt8(draws.below(256)) }
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + draws.below(16)))
        case 3: bytes = Array(bytes[..<place])
        case 4, 5: bytes.insert(contentsOf: token(), at: place)
        case 6: replaceNumber(&bytes, from: place)
        case 7: repeatPart(&bytes, at: place)
        case 8: splice(&bytes, at: place)
        case 9: replaceValue(&bytes, from: place)
        default: nest(&bytes, at: place)
        }
    }

    private mutating func token() -> [UInt8] { Self.tokens[draws.below(Self.tokens.count)] }

    /// Replaces the next number by another token.
    private mutating func replaceNumber(_ bytes: inout [UInt8], from place: Int) {
        let isDigit: (UInt8) -> Bool = { (0x30...0x39).contains($0) }
        guard let start = bytes[place...].firstIndex(where: isDigit) else { return }
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: token())
    }

    /// Replaces the value after the next colon by a token, which may be of another type.
    private mutating func replaceValue(_ bytes: inout [UInt8], from place: Int) {
        guard let colon = bytes[place...].firstIndex(of: UInt8(ascii: ":")) else { return }
        let end = bytes[(colon + 1)...].firstIndex { [0x2C, 0x7D, 0x5D, 0x0A].contains($0) } ?? bytes.count
        bytes.replaceSubrange((colon + 1)..<end, with: token())
    }

    /// Repeats a part once or a few times, as duplicate keys do, or a thousand times.
    private mutating func repeatPart(_ bytes: inout [UInt8], at place: Int) {
        let part = Array(bytes[place..<min(bytes.count, place + 1 + draws.below(40))])
        let count = draws.below(20) == 0 ? 1000 : 1 + draws.below(3)
        bytes.insert(contentsOf: (0..<count).flatMap { _ in part }, at: place)
    }

    private mutating func splice(_ bytes: inout [UInt8], at place: Int) {
        guard !corpus.isEmpty else { return }
        let other = corpus[draws.below(corpus.count)]
        bytes = Array(bytes[..<place]) + other[draws.below(other.count + 1)...]
    }

    private mutating func nest(_ bytes: inout [UInt8], at place: Int) {
        let brackets = ["[", "{\"a\":", "(", "<a>", "- "]
        let bracket = Array(brackets[draws.below(brackets.count)].utf8)
        let depth = draws.below(10) == 0 ? 5000 : draws.below(80)
        bytes.insert(contentsOf: (0..<depth).flatMap { _ in bracket }, at: place)
    }
}
