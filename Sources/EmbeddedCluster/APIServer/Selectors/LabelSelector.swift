import KubernetesAPI

/// A label selector in the text form: `app in (a,b),!gone,tier=x`.
public struct LabelSelector: Hashable, Sendable {
    enum Requirement: Hashable, Sendable {
        case isIn(String, [String])
        case notIn(String, [String])
        case exists(String)
        case doesNotExist(String)
        case greater(String, Int64)
        case less(String, Int64)
    }

    var requirements: [Requirement]

    /// Why a text is no selector, in the words of apimachinery.
    public struct ParseError: Error, Equatable {
        public var message: String
    }

    public var isEmpty: Bool { requirements.isEmpty }

    public init(_ text: String) throws(ParseError) {
        var parser = LabelSelectorParser(text)
        requirements = try parser.parse()
    }

    public func matches(_ labels: [String: JSONValue]?) -> Bool {
        requirements.allSatisfy { requirement in
            switch requirement {
            case .isIn(let key, let values): labels?[key]?.stringValue.map(values.contains) ?? false
            case .notIn(let key, let values): !(labels?[key]?.stringValue.map(values.contains) ?? false)
            case .exists(let key): labels?[key] != nil
            case .doesNotExist(let key): labels?[key] == nil
            case .greater(let key, let bound): Self.number(labels, key).map { $0 > bound } ?? false
            case .less(let key, let bound): Self.number(labels, key).map { $0 < bound } ?? false
            }
        }
    }

    private static func number(_ labels: [String: JSONValue]?, _ key: String) -> Int64? {
        labels?[key]?.stringValue.flatMap { Int64($0) }
    }
}

private struct LabelSelectorParser {
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

    mutating func parse() throws(LabelSelector.ParseError) -> [LabelSelector.Requirement] {
        var requirements: [LabelSelector.Requirement] = []
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

    private mutating func requirement() throws(LabelSelector.ParseError) -> LabelSelector.Requirement {
        let first = next()
        if first == .symbol("!") {
            guard case .identifier(let key) = next() else { throw found(current, "identifier") }
            return .doesNotExist(key)
        }
        guard case .identifier(let key) = first else {
            throw found(first, "!, identifier, or 'end of string'")
        }
        switch current {
        case .end, .symbol(","): return .exists(key)
        case .symbol("="), .symbol("=="):
            position += 1
            return .isIn(key, [value()])
        case .symbol("!="):
            position += 1
            return .notIn(key, [value()])
        case .symbol(">"), .symbol("<"):
            let isGreater = next() == .symbol(">")
            let text = value()
            guard let bound = Int64(text) else {
                throw LabelSelector.ParseError(
                    message: "values[0][\(key)]: Invalid value: \"\(text)\": for 'Gt', 'Lt' operators, the "
                        + "value must be an integer")
            }
            return isGreater ? .greater(key, bound) : .less(key, bound)
        case .identifier("in"):
            position += 1
            return .isIn(key, try values())
        case .identifier("notin"):
            position += 1
            return .notIn(key, try values())
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

    private mutating func values() throws(LabelSelector.ParseError) -> [String] {
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

    private func found(_ token: Token, _ expected: String) -> LabelSelector.ParseError {
        LabelSelector.ParseError(message: "found '\(token.text)', expected: \(expected)")
    }
}
