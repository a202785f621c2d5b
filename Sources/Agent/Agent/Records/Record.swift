import AnnealAPI
import KubernetesAPI

/// A record of a dataset: text that a model will read and write.
struct Record: Equatable, Sendable {
    /// All text of the record, in order, its parts separated by line feeds: this is compared and measured.
    var text: String
    /// Key that differs between records with equal texts in different roles, such as a word as a prompt and
    /// as a completion.
    var identity: String
    /// Text that the model reads before it answers; the whole text where a record has no answer.
    var question: String
    /// Text that the model shall learn to write: a completion, the assistant's messages, both answers of a
    /// preference. Empty in a text without roles.
    var answer = ""
}

/// Problem of a record, without the record's place.
struct RecordError: Error, Equatable {
    var problem: String
}

extension Record {
    static let depthLimit = 64

    /// Parses a line. The rules are those of the trainers in `examples/runtimes`.
    init(_ line: [UInt8], format: DatasetFormat) throws(RecordError) {
        guard String(validating: line, as: UTF8.self) != nil else {
            throw RecordError(problem: "it is not UTF-8")
        }
        let value: JSONValue
        do { value = try JSONValue(parsing: line, depthLimit: Self.depthLimit) } catch {
            throw RecordError(problem: error.description)
        }
        guard case .object(let members) = value else {
            throw RecordError(
                problem: "it is no JSON object; write {…} with the fields of the format \(format.rawValue)")
        }
        guard !SurrogateCheck.hasLoneSurrogate(line) else {
            throw RecordError(
                problem: "it has half of a surrogate pair (\\ud800 to \\udfff), which is no text")
        }
        let parts = try Self.parts(members, format)
        let texts = parts.filter(\.isText)
        text = texts.map(\.text).joined(separator: "\n")
        let answers: Set<String> = [
            "completion", "assistant", "tool_call", "reasoning_content", "reasoning", "thinking", "chosen",
            "rejected",
        ]
        question = texts.filter { !answers.contains($0.name) }.map(\.text).joined(separator: "\n")
        answer = texts.filter { answers.contains($0.name) }.map(\.text).joined(separator: "\n")
        identity = parts.map { "\($0.name)\u{1F}\($0.text)" }.joined(separator: "\u{1E}")
    }

    /// Part of a record. What is no text, such as a weight or the tools, only tells records apart.
    struct Part {
        var name: String
        var text: String
        var isText = true
    }

    private static func parts(
        _ members: [String: JSONValue], _ format: DatasetFormat
    ) throws(RecordError) -> [Part] {
        switch format {
        case .promptCompletion:
            try ["prompt", "completion"].map { key throws(RecordError) in try text(members, key) }
        case .preference:
            try ["prompt", "chosen", "rejected"].map { key throws(RecordError) in try text(members, key) }
        case .text: [try text(members, "text")]
        case .messages: try ChatParts.parts(of: members)
        }
    }

    private static func text(_ members: [String: JSONValue], _ key: String) throws(RecordError) -> Part {
        guard let value = members[key] else {
            throw RecordError(problem: "\"\(key)\" is missing")
        }
        guard let text = value.stringValue else {
            throw RecordError(problem: "\"\(key)\" must be a string")
        }
        return Part(name: key, text: text)
    }
}

/// Finds surrogates without a partner: JSON can express half of a character outside the basic plane, text
/// cannot.
enum SurrogateCheck {
    /// Whether a JSON text has a `\u` escape of a surrogate without its partner.
    static func hasLoneSurrogate(_ bytes: [UInt8]) -> Bool {
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            guard let unit = escape(bytes, at: index), (0xD800..<0xE000).contains(unit) else {
                index += 2
                continue
            }
            guard unit < 0xDC00, let low = escape(bytes, at: index + 6), (0xDC00..<0xE000).contains(low)
            else {
                return true
            }
            index += 12
        }
        return false
    }

    /// The number of the `\uXXXX` at an index; nil if there is none.
    private static func escape(_ bytes: [UInt8], at index: Int) -> UInt16? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { return nil }
        return UInt16(String(decoding: bytes[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
    }
}
