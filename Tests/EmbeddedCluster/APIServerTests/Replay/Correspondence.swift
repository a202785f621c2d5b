import FoundationEssentials
import KubernetesAPI

/// A place at which an answer differs from the recorded one.
struct Difference: Hashable, CustomStringConvertible {
    /// The path of members; `+` before one that only our answer has, `-` before one that only the recording
    /// has.
    var path: String
    var recorded: JSONValue?
    var ours: JSONValue?

    var description: String {
        "\(path): recorded \(recorded?.text.prefix(400) ?? "nothing"), ours \(ours?.text.prefix(400) ?? "nothing")"
    }
}

/// Our identifiers for the recorded ones: UIDs, resource versions, generated names, continue tokens. Learnt
/// from pairs of answers, and used to translate later requests.
struct Correspondence {
    private var identifiers: [String: String] = [:]
    private var versions: [String: String] = [:]
    private var listVersions: [String: String] = [:]

    /// The differences of two answers, as paths; empty if they are alike.
    mutating func compare(_ recorded: JSONValue, _ ours: JSONValue) -> [Difference] {
        learnIdentifiers(recorded, ours)
        var differences: [Difference] = []
        compare(recorded, ours, at: "", into: &differences)
        return differences
    }

    mutating func learn(version recorded: String, is ours: String) { listVersions[recorded] = ours }

    // MARK: Requests

    /// A recorded text with our identifiers.
    func translate(_ text: String) -> String {
        identifiers.sorted { $0.key.count > $1.key.count }.reduce(text) { text, pair in
            text.replacing(pair.key, with: pair.value)
        }
    }

    func translate(path: String) -> String {
        let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return translate(path) }
        let query = parts[1].split(separator: "&").map { pair -> String in
            guard pair.hasPrefix("resourceVersion=") else { return translate(String(pair)) }
            let version = String(pair.dropFirst("resourceVersion=".count))
            return "resourceVersion=\(versions[version] ?? listVersions[version] ?? version)"
        }
        return translate(parts[0]) + "?" + query.joined(separator: "&")
    }

    func translate(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(translate(text))
        case .array(let elements): .array(elements.map(translate))
        case .object(let members):
            .object(
                Dictionary(
                    members.map { key, value in
                        if key == "resourceVersion", let text = value.stringValue {
                            return (key, JSONValue.string(versions[text] ?? text))
                        }
                        return (translate(key), translate(value))
                    }, uniquingKeysWith: { first, _ in first }))
        case .null, .bool, .integer, .number: value
        }
    }

    // MARK: Answers

    private mutating func learnIdentifiers(_ recorded: JSONValue, _ ours: JSONValue) {
        switch (recorded, ours) {
        case (.array(let theirs), .array(let mine)):
            for (one, other) in zip(theirs, mine) { learnIdentifiers(one, other) }
        case (.object(let theirs), .object(let mine)):
            for (key, value) in theirs {
                guard let other = mine[key] else { continue }
                let isGenerated = key == "name" && theirs["generateName"] != nil
                if key == "uid" || key == "continue" || isGenerated, let text = value.stringValue,
                    let replacement = other.stringValue, !text.isEmpty, text.count > 2
                {
                    identifiers[text] = replacement
                }
                learnIdentifiers(value, other)
            }
        default: break
        }
    }

    private mutating func compare(
        _ recorded: JSONValue, _ ours: JSONValue, at path: String, into differences: inout [Difference]
    ) {
        switch (recorded, ours) {
        case (.object(let theirs), .object(let mine)):
            let (theirs, mine) = (translatedKeys(theirs), mine)
            for key in Set(theirs.keys).union(mine.keys).sorted() {
                let place = path.isEmpty ? key : "\(path).\(key)"
                guard let one = theirs[key] else {
                    differences.append(Difference(path: "+\(place)", ours: mine[key]))
                    continue
                }
                guard let other = mine[key] else {
                    differences.append(Difference(path: "-\(place)", recorded: one))
                    continue
                }
                if key == "resourceVersion" {
                    compareVersions(one, other, at: place, isObject: theirs["uid"] != nil, &differences)
                } else {
                    compare(one, other, at: place, into: &differences)
                }
            }
        case (.array(let theirs), .array(let mine)):
            if theirs.count != mine.count {
                differences.append(Difference(path: "\(path)#", recorded: recorded, ours: ours))
                return
            }
            for (index, pair) in zip(theirs, mine).enumerated() {
                compare(pair.0, pair.1, at: "\(path)[\(index)]", into: &differences)
            }
        case (.string(let text), .string(let other)) where isSame(text, other, path): break
        default:
            if recorded != ours {
                differences.append(Difference(path: path, recorded: recorded, ours: ours))
            }
        }
    }

    /// The members with translated keys, which can hold identifiers, too: `k:{"uid":"…"}`.
    private func translatedKeys(_ members: [String: JSONValue]) -> [String: JSONValue] {
        Dictionary(
            members.map { ($0.key.hasPrefix("k:") ? translate($0.key) : $0.key, $0.value) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Compares the versions of two values. For an object, a recorded version must correspond to one of ours
    /// and the reverse: an object that did not change there must not change here.
    private mutating func compareVersions(
        _ recorded: JSONValue, _ ours: JSONValue, at path: String, isObject: Bool,
        _ differences: inout [Difference]
    ) {
        let difference = Difference(path: path, recorded: recorded, ours: ours)
        guard let one = recorded.stringValue, let other = ours.stringValue else {
            if recorded != ours { differences.append(difference) }
            return
        }
        guard isObject else {
            listVersions[one] = other
            return
        }
        if let known = versions[one] {
            if known != other { differences.append(difference) }
        } else if versions.values.contains(other) {
            differences.append(difference)
        } else {
            versions[one] = other
        }
    }

    private func isSame(_ recorded: String, _ ours: String, _ path: String) -> Bool {
        let expected = translate(recorded)
        if expected == ours { return true }
        // Times of the run differ; those that a client wrote are of the day before.
        if !recorded.hasPrefix("2026-11-20"), Timestamp(recorded) != nil, Timestamp(ours) != nil {
            return true
        }
        guard path.hasSuffix("message") else { return false }
        return Self.withoutNumbers(expected) == Self.withoutNumbers(ours)
    }

    /// The text without numbers of three digits or more, which are revisions in messages.
    private static func withoutNumbers(_ text: String) -> String {
        var output = ""
        var digits = ""
        for character in text + " " {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            output += digits.count >= 2 ? "#" : digits
            digits = ""
            output.append(character)
        }
        return output
    }
}
