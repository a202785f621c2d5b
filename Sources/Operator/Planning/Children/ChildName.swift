import AnnealAPI
import Encodings

/// Names of children: a function of the run, the stage and the attempt, and always DNS labels.
enum ChildName {
    static let limit = 63

    /// The parts joined by `-`. A text that is no DNS label, or longer than 63 bytes, becomes its start, made
    /// fit, and a hash of the whole.
    static func make(_ parts: String...) -> String { make(parts.joined(separator: "-"), isFit: isLabel) }

    /// A name for a Service, which must begin with a letter besides.
    static func service(_ parts: String...) -> String {
        make(parts.joined(separator: "-")) { isLabel($0) && $0.utf8.first.map(isLetter) == true }
    }

    /// Digits that tell apart children whose names are joined of free texts: `a` with `b-c`, and `a-b` with `c`.
    static func mark(_ parts: String...) -> String {
        String(Hexadecimal.sha256(parts.joined(separator: "/")).prefix(6))
    }

    private static func make(_ whole: String, isFit: (String) -> Bool) -> String {
        if whole.utf8.count <= limit, isFit(whole) { return whole }
        let hash = String(Hexadecimal.sha256(whole).prefix(10))
        // The start shows a reader the run; the hash tells siblings apart.
        var kept = ""
        for character in whole.lowercased().utf8.prefix(limit - hash.count - 1) {
            kept.append(isAlphanumeric(character) ? Character(UnicodeScalar(character)) : "-")
        }
        let trimmed = kept.drop { $0 == "-" }
        let name = trimmed.isEmpty ? "r-\(hash)" : "\(trimmed)-\(hash)"
        // Two bytes are left for the letter by the hash, which is cut for it.
        return isFit(name) ? name : "r-\(trimmed.prefix(limit - hash.count - 3))-\(hash)"
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    /// A label's value that stands for the run: its name, or a hash of it where that is no label value.
    static func labelValue(_ name: String) -> String {
        let isValue =
            name.utf8.count <= limit
            && name.utf8.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
            && name.utf8.first.map(isAlphanumeric) == true && name.utf8.last.map(isAlphanumeric) == true
        return isValue ? name : String(Hexadecimal.sha256(name).prefix(32))
    }

    private static func isLabel(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
