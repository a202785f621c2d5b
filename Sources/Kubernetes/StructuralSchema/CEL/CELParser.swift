/// Reads an expression; nesting is limited, so that neither reading nor evaluating can exhaust the stack.
struct CELParser {
    /// Depth to which expressions may nest, chained operators included.
    static let depthLimit = 100

    private let tokens: [CELToken]
    private var position = 0
    /// Present depth.
    private var depth = 0

    private init(tokens: [CELToken]) { self.tokens = tokens }

    static func parse(_ text: String) throws(CELError) -> CELExpression {
        var parser = CELParser(tokens: try CELLexer.tokens(of: text))
        let expression = try parser.expression()
        guard parser.peek == .end else { throw parser.unexpected() }
        return expression
    }

    private var peek: CELToken.Kind { position < tokens.count ? tokens[position].kind : .end }

    private func unexpected() -> CELError {
        let column = position < tokens.count ? tokens[position].column : 1
        let found =
            switch peek {
            case .end: "<EOF>"
            case .symbol(let text), .identifier(let text): text
            case .string(let text): "\"\(text)\""
            case .int(let value): String(value)
            case .uint(let value): "\(value)u"
            case .double(let value): String(value)
            case .minimumMagnitude: "9223372036854775808"
            case .bytes: "bytes"
            }
        return .syntax("1:\(column): Syntax error: unexpected '\(found)'")
    }

    private mutating func skip(_ symbol: String) -> Bool {
        guard peek == .symbol(symbol) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ symbol: String) throws(CELError) {
        guard skip(symbol) else { throw unexpected() }
    }

    private mutating func nested<T>(
        _ body: (inout CELParser) throws(CELError) -> T
    ) throws(CELError) -> T {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else {
            throw .syntax("expression nests deeper than \(Self.depthLimit)")
        }
        return try body(&self)
    }

    mutating func expression() throws(CELError) -> CELExpression {
        try nested { parser throws(CELError) in
            let condition = try parser.disjunction()
            guard parser.skip("?") else { return condition }
            let yes = try parser.disjunction()
            try parser.expect(":")
            return .conditional(condition, yes, try parser.expression())
        }
    }

    private mutating func disjunction() throws(CELError) -> CELExpression {
        var terms = [try conjunction()]
        while skip("||") { terms.append(try conjunction()) }
        return terms.count == 1 ? terms[0] : .or(terms)
    }

    private mutating func conjunction() throws(CELError) -> CELExpression {
        var terms = [try relation()]
        while skip("&&") { terms.append(try relation()) }
        return terms.count == 1 ? terms[0] : .and(terms)
    }

    private mutating func relation() throws(CELError) -> CELExpression {
        try chain(["==", "!=", "<=", ">=", "<", ">", "in"]) { parser throws(CELError) in try parser.sum() }
    }

    private mutating func sum() throws(CELError) -> CELExpression {
        try chain(["+", "-"]) { parser throws(CELError) in try parser.product() }
    }

    private mutating func product() throws(CELError) -> CELExpression {
        try chain(["*", "/", "%"]) { parser throws(CELError) in try parser.unary() }
    }

    /// Reads operators of one precedence, from left to right. Each one deepens the tree.
    private mutating func chain(
        _ symbols: Set<String>, _ operand: (inout CELParser) throws(CELError) -> CELExpression
    ) throws(CELError) -> CELExpression {
        var left = try operand(&self)
        var added = 0
        defer { depth -= added }
        while let found = operatorAhead(symbols) {
            position += 1
            depth += 1
            added += 1
            guard depth <= Self.depthLimit else {
                throw .syntax("expression nests deeper than \(Self.depthLimit)")
            }
            left = .binary(found, left, try operand(&self))
        }
        return left
    }

    private func operatorAhead(_ symbols: Set<String>) -> CELOperator? {
        switch peek {
        case .symbol(let text) where symbols.contains(text): CELOperator(rawValue: text)
        case .identifier("in") where symbols.contains("in"): .contained
        default: nil
        }
    }

    private mutating func unary() throws(CELError) -> CELExpression {
        if skip("!") {
            return .not(try nested { parser throws(CELError) in try parser.unary() })
        }
        if skip("-") {
            switch peek {
            case .minimumMagnitude:
                position += 1
                return try postfix(.literal(.int(.min)))
            case .int(let value):
                position += 1
                return try postfix(.literal(.int(0 - value)))
            case .double(let value):
                position += 1
                return try postfix(.literal(.double(-value)))
            default:
                return .negate(try nested { parser throws(CELError) in try parser.unary() })
            }
        }
        return try postfix(try primary())
    }

    private mutating func postfix(_ start: CELExpression) throws(CELError) -> CELExpression {
        var expression = start
        var added = 0
        defer { depth -= added }
        while true {
            if skip(".") {
                let isOptional = skip("?")
                guard case .identifier(let name) = peek else { throw unexpected() }
                position += 1
                if !isOptional, skip("(") {
                    expression = try member(name, of: expression)
                } else {
                    expression = .select(expression, name, isOptional: isOptional)
                }
            } else if skip("[") {
                let isOptional = skip("?")
                expression = .index(expression, try self.expression(), isOptional: isOptional)
                try expect("]")
            } else {
                return expression
            }
            depth += 1
            added += 1
            guard depth <= Self.depthLimit else {
                throw .syntax("expression nests deeper than \(Self.depthLimit)")
            }
        }
    }

    private mutating func primary() throws(CELError) -> CELExpression {
        let kind = peek
        position += 1
        switch kind {
        case .int(let value): return .literal(.int(value))
        case .uint(let value): return .literal(.uint(value))
        case .double(let value): return .literal(.double(value))
        case .string(let text): return .literal(.string(text))
        case .bytes(let bytes): return .literal(.bytes(bytes))
        case .identifier("true"): return .literal(.bool(true))
        case .identifier("false"): return .literal(.bool(false))
        case .identifier("null"): return .literal(.null)
        case .identifier(let name): return try named(name)
        case .symbol("("):
            let inner = try expression()
            try expect(")")
            return inner
        case .symbol("["):
            return .list(try arguments(closing: "]"))
        case .symbol("{"):
            return .map(try entries())
        case .symbol("."):
            guard case .identifier(let name) = peek else { throw unexpected() }
            position += 1
            return try named(name)
        case .symbol, .end, .minimumMagnitude:
            position -= 1
            throw unexpected()
        }
    }

    private mutating func named(_ name: String) throws(CELError) -> CELExpression {
        guard skip("(") else { return .identifier(name) }
        guard name == "has" else { return .call(name, target: nil, try arguments(closing: ")")) }
        let argument = try expression()
        try expect(")")
        guard case .select(let operand, let field, false) = argument else {
            throw .syntax("1:1: invalid argument to has() macro")
        }
        return .has(operand, field)
    }

    private mutating func arguments(closing: String) throws(CELError) -> [CELExpression] {
        var items: [CELExpression] = []
        while !skip(closing) {
            items.append(try expression())
            if skip(",") { continue }
            try expect(closing)
            break
        }
        return items
    }

    private mutating func entries() throws(CELError) -> [(key: CELExpression, value: CELExpression)] {
        var entries: [(key: CELExpression, value: CELExpression)] = []
        while !skip("}") {
            let key = try expression()
            try expect(":")
            entries.append((key, try expression()))
            if skip(",") { continue }
            try expect("}")
            break
        }
        return entries
    }

    /// A method call, or a macro.
    private mutating func member(_ name: String, of target: CELExpression) throws(CELError) -> CELExpression {
        // `optional.of(x)` and `math.greatest(x)` are functions with a name in two parts.
        if case .identifier(let namespace) = target,
            ["optional", "math", "sets"].contains(namespace)
        {
            return .call("\(namespace).\(name)", target: nil, try arguments(closing: ")"))
        }
        let arguments = try self.arguments(closing: ")")
        let macroName = name == "exists_one" ? "existsOne" : name
        guard let macro = CELComprehension.Macro(rawValue: macroName),
            let comprehension = try Self.comprehension(macro, range: target, arguments)
        else { return .call(name, target: target, arguments) }
        return .comprehension(comprehension)
    }

    private static func comprehension(
        _ macro: CELComprehension.Macro, range: CELExpression, _ arguments: [CELExpression]
    ) throws(CELError) -> CELComprehension? {
        guard arguments.count >= 2, let body = arguments.last else { return nil }
        guard case .identifier(let first)? = arguments.first else {
            throw .syntax("1:1: argument must be a simple name")
        }
        var variables = [first]
        var middle = arguments.dropFirst().dropLast()
        let takesTwo: Bool
        switch macro {
        case .all, .exists, .existsOne: takesTwo = middle.count == 1
        case .transformList, .transformMap: takesTwo = true
        case .map, .filter, .optMap, .optFlatMap, .sortBy: takesTwo = false
        }
        if takesTwo {
            guard case .identifier(let second)? = middle.first else {
                throw .syntax("1:1: argument must be a simple name")
            }
            variables.append(second)
            middle = middle.dropFirst()
        }
        let allowsCondition =
            switch macro {
            case .map, .transformList, .transformMap: true
            case .all, .exists, .existsOne, .filter, .optMap, .optFlatMap, .sortBy: false
            }
        guard middle.count <= (allowsCondition ? 1 : 0) else { return nil }
        return CELComprehension(
            macro: macro, range: range, variables: variables, condition: middle.first, body: body)
    }
}
