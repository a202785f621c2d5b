import AnnealAPI
import Encodings

/// Names of children: a function of the run, the stage and the attempt, and always DNS labels.
enum ChildName {
    static let limit = 63

    /// The parts joined by `-`. A text that is no DNS label, or longer than 63 bytes, becomes its start, made
    /// fit, and a hash of the whole.
    static func make(_ parts: String...) -> String {
        let whole = parts.joined(separator: "-")
        if whole.utf8.count <= limit, isLabel(whole) { return whole }
        let hash = String(Hexadecimal.sha256(whole).prefix(10))
        // The start shows a reader the run; the hash tells siblings apart.
        var kept = ""
        for character in whole.lowercased().utf8.prefix(limit - hash.count - 1) {
            kept.append(isAlphanumeric(character) ? Character(UnicodeScalar(character)) : "-")
        }
        let trimmed = kept.drop { $0 == "-" }
        return trimmed.isEmpty ? "r-\(hash)" : "\(trimmed)-\(hash)"
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
