import KubernetesAPI
import Scheduling

/// A label selector in the text form of a request's query: `app in (a,b),!gone,tier=x`.
struct LabelQuery: Hashable, Sendable {
    var requirements: [SelectorRequirement]

    /// Cause why a text is no selector, in the words of apimachinery.
    struct ParseError: Error, Equatable {
        var message: String
    }

    var isEmpty: Bool { requirements.isEmpty }

    init(_ text: String) throws(ParseError) {
        var parser = LabelQueryParser(text)
        requirements = try parser.parse()
    }

    func matches(_ labels: [String: JSONValue]?) -> Bool {
        requirements.allSatisfy { $0.matches(labels?[$0.key]?.stringValue) }
    }
}

private struct LabelQueryParser {
    enum Token: Equatable {
        case end, identifier(String), symbol(String)

        var text: String {
            switch self {
            case .end: ""
            case .identifier(let text), .symbol(let text): text
            }
        }
    }

    private var tokens: [Token]
    private var position = 0

    init(_ text: String) { tokens = Self.tokenize(text) }

    private static func tokenize(_ text: String) -> [Token] {
        var tokens: [Token] = []
        var rest = Substring(text)
        let symbols: Set<Character> = ["=", "!", "<", ">", "(", ")", ","]
        while let head = rest.first {
            if head.isWhitespace {
                rest.removeFirst()
            } else if symbols.contains(head) {
                let two = String(rest.prefix(2))
                let symbol = two == "==" || two == "!=" ? two : String(head)
                tokens.append(.symbol(symbol))
                rest.removeFirst(symbol.count)
            } else {
                let word = rest.prefix { !$0.isWhitespace && !symbols.contains($0) }
                tokens.append(.identifier(String(word)))
                rest.removeFirst(word.count)
            }
        }
        return tokens
    }

    private var current: Token { position < tokens.count ? tokens[position] : .end }

    private mutating func next() -> Token {
        defer { position += 1 }
        return current
    }

    mutating func parse() throws(LabelQuery.ParseError) -> [SelectorRequirement] {
        var requirements: [SelectorRequirement] = []
        guard current != .end else { return [] }
        while true {
            requirements.append(try requirement())
            let separator = next()
            if separator == .end { return requirements }
            guard separator == .symbol(",") else {
                throw found(separator, "',' or 'end of string'")
            }
            if current == .end { throw found(.end, "identifier after ','") }
        }
    }

    private mutating func requirement() throws(LabelQuery.ParseError) -> SelectorRequirement {
        let first = next()
        if first == .symbol("!") {
            guard case .identifier(let key) = next() else { throw found(current, "identifier") }
            return SelectorRequirement(key: key, operator: "DoesNotExist")
        }
        guard case .identifier(let key) = first else {
            throw found(first, "!, identifier, or 'end of string'")
        }
        switch current {
        case .end, .symbol(","): return SelectorRequirement(key: key, operator: "Exists")
        case .symbol("="), .symbol("=="):
            position += 1
            return SelectorRequirement(key: key, operator: "In", values: [value()])
        case .symbol("!="):
            position += 1
            return SelectorRequirement(key: key, operator: "NotIn", values: [value()])
        case .symbol(">"), .symbol("<"):
            let isGreater = next() == .symbol(">")
            let text = value()
            guard Int64(text) != nil else {
                throw LabelQuery.ParseError(
                    message: "values[0][\(key)]: Invalid value: \"\(text)\": for 'Gt', 'Lt' operators, the "
                        + "value must be an integer")
            }
            return SelectorRequirement(key: key, operator: isGreater ? "Gt" : "Lt", values: [text])
        case .identifier("in"):
            position += 1
            return SelectorRequirement(key: key, operator: "In", values: try values())
        case .identifier("notin"):
            position += 1
            return SelectorRequirement(key: key, operator: "NotIn", values: try values())
        case .identifier, .symbol:
            throw found(current, "in, notin, =, ==, !=, gt, lt")
        }
    }

    /// A value may be absent: `app=` selects an empty one.
    private mutating func value() -> String {
        guard case .identifier(let text) = current else { return "" }
        position += 1
        return text
    }

    private mutating func values() throws(LabelQuery.ParseError) -> [String] {
        guard next() == .symbol("(") else { throw found(tokens.last ?? .end, "'('") }
        var values = [value()]
        while true {
            let separator = next()
            switch separator {
            case .symbol(","): values.append(value())
            case .symbol(")"): return values
            default: throw found(separator, "',', or ')'")
            }
        }
    }

    private func found(_ token: Token, _ expected: String) -> LabelQuery.ParseError {
        LabelQuery.ParseError(message: "found '\(token.text)', expected: \(expected)")
    }
}
