import KubernetesAPI

/// The JSONPath of `additionalPrinterColumns`: member names, indexes, wildcards and one kind of filter,
/// `[?(@.type=="Ready")]`.
struct JSONPathCell: Sendable {
    private enum Step: Sendable, Equatable {
        case member(String)
        case index(Int)
        case all
        case filter(path: [String], value: String)
    }

    private let steps: [Step]

    /// Parses a JSONPath; nil if the text is malformed, or uses more of JSONPath than columns may.
    init?(_ text: String) {
        var rest = Substring(text)
        var steps: [Step] = []
        if rest.hasPrefix("{"), rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
        if rest.first == "$" { rest.removeFirst() }
        while let head = rest.first {
            if head == "." {
                rest.removeFirst()
                let name = Self.name(&rest)
                if name.isEmpty { return nil }
                steps.append(name == "*" ? .all : .member(name))
            } else if head == "[" {
                guard let step = Self.bracket(&rest) else { return nil }
                steps.append(step)
            } else {
                return nil
            }
        }
        self.steps = steps
    }

    /// A member name, in which a backslash escapes a dot.
    private static func name(_ rest: inout Substring) -> String {
        var name = ""
        while let head = rest.first, head != ".", head != "[" {
            rest.removeFirst()
            if head == "\\", let escaped = rest.first {
                name.append(escaped)
                rest.removeFirst()
            } else {
                name.append(head)
            }
        }
        return name
    }

    private static func bracket(_ rest: inout Substring) -> Step? {
        guard let end = closing(rest) else { return nil }
        let inner = rest[rest.index(after: rest.startIndex)..<end].trimmingWhitespace()
        rest = rest[rest.index(after: end)...]
        if inner == "*" { return .all }
        if let index = Int(inner) { return .index(index) }
        if let quoted = unquoted(inner) { return .member(quoted) }
        guard inner.hasPrefix("?("), inner.hasSuffix(")") else { return nil }
        let condition = inner.dropFirst(2).dropLast()
        guard let range = condition.firstRange(of: "==") else { return nil }
        let path = condition[..<range.lowerBound].trimmingWhitespace()
        guard path.hasPrefix("@."), let value = unquoted(condition[range.upperBound...].trimmingWhitespace())
        else { return nil }
        return .filter(path: path.dropFirst(2).split(separator: ".").map(String.init), value: value)
    }

    /// The bracket that closes the first one, outside of quotes.
    private static func closing(_ text: Substring) -> Substring.Index? {
        var quote: Character?
        for index in text.indices {
            let character = text[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "]" {
                return index
            }
        }
        return nil
    }

    private static func unquoted(_ text: String) -> String? {
        guard text.count >= 2, let first = text.first, first == "'" || first == "\"", text.last == first
        else {
            return nil
        }
        return String(text.dropFirst().dropLast())
    }

    /// All values that the path leads to.
    func values(in object: JSONValue) -> [JSONValue] {
        steps.reduce([object]) { values, step in
            values.flatMap { value -> [JSONValue] in
                switch step {
                case .member(let name): value[name].map { [$0] } ?? []
                case .index(let index):
                    value[index < 0 ? index + (value.arrayValue?.count ?? 0) : index].map { [$0] } ?? []
                case .all: value.arrayValue ?? value.objectValue.map { Array($0.values) } ?? []
                case .filter(let path, let wanted):
                    (value.arrayValue ?? []).filter { $0[path: path]?.stringValue == wanted }
                }
            }
        }
    }
}
