/// A token, and the column at which it begins.
struct CELToken: Sendable {
    enum Kind: Hashable, Sendable {
        case int(Int64)
        /// The magnitude of `-9223372036854775808`, which is an `int` only with its sign.
        case minimumMagnitude
        case uint(UInt64)
        case double(Double)
        case string(String)
        case bytes([UInt8])
        case identifier(String)
        case symbol(String)
        case end
    }

    var kind: Kind
    /// 1-based column, in scalars.
    var column: Int
}

struct CELLexer {
    static let lengthLimit = 16_384

    private let scalars: [Unicode.Scalar]
    private var position = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars.prefix(Self.lengthLimit + 1)) }

    static func tokens(of text: String) throws(CELError) -> [CELToken] {
        var lexer = CELLexer(text)
        guard lexer.scalars.count <= lengthLimit else {
            throw .syntax("expression is longer than \(lengthLimit) characters")
        }
        var tokens: [CELToken] = []
        repeat { tokens.append(try lexer.next()) } while tokens.last?.kind != .end
        return tokens
    }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
        position + offset < scalars.count ? scalars[position + offset] : nil
    }

    private mutating func next() throws(CELError) -> CELToken {
        skipSpace()
        let column = position + 1
        guard let scalar = peek() else { return CELToken(kind: .end, column: column) }
        if Self.isDigit(scalar) || (scalar == "." && peek(1).map(Self.isDigit) == true) {
            return CELToken(kind: try number(), column: column)
        }
        if let kind = try text() { return CELToken(kind: kind, column: column) }
        if Self.isLetter(scalar) {
            let start = position
            while let scalar = peek(), Self.isLetter(scalar) || Self.isDigit(scalar) { position += 1 }
            return CELToken(kind: .identifier(slice(start)), column: column)
        }
        for symbol in ["==", "!=", "<=", ">=", "&&", "||"] where matches(symbol) {
            position += 2
            return CELToken(kind: .symbol(symbol), column: column)
        }
        guard "+-*/%<>!?:.,()[]{}".unicodeScalars.contains(scalar) else {
            throw .syntax("1:\(column): Syntax error: token recognition error at: '\(scalar)'")
        }
        position += 1
        return CELToken(kind: .symbol(String(Character(scalar))), column: column)
    }

    private func slice(_ start: Int) -> String {
        String(String.UnicodeScalarView(scalars[start..<position]))
    }

    private func matches(_ symbol: String) -> Bool {
        for (offset, scalar) in symbol.unicodeScalars.enumerated() where peek(offset) != scalar {
            return false
        }
        return true
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
    }

    private mutating func skipSpace() {
        while let scalar = peek() {
            if scalar.properties.isWhitespace {
                position += 1
            } else if scalar == "/", peek(1) == "/" {
                while let scalar = peek(), scalar != "\n" { position += 1 }
            } else {
                return
            }
        }
    }

    private mutating func number() throws(CELError) -> CELToken.Kind {
        let start = position
        if peek() == "0", peek(1) == "x" || peek(1) == "X" {
            position += 2
            let digits = position
            while let scalar = peek(), scalar.properties.isASCIIHexDigit { position += 1 }
            return try whole(slice(digits), radix: 16, start)
        }
        var isDouble = false
        while let scalar = peek() {
            if Self.isDigit(scalar) {
                position += 1
            } else if scalar == ".", !isDouble, peek(1).map(Self.isDigit) == true {
                isDouble = true
                position += 1
            } else if scalar == "e" || scalar == "E" {
                isDouble = true
                position += 1
                if peek() == "+" || peek() == "-" { position += 1 }
            } else {
                break
            }
        }
        let text = slice(start)
        guard isDouble else { return try whole(text, radix: 10, start) }
        guard let value = Double(text) else {
            throw .syntax("1:\(start + 1): Syntax error: invalid double literal '\(text)'")
        }
        return .double(value)
    }

    private mutating func whole(_ digits: String, radix: Int, _ start: Int) throws(CELError) -> CELToken.Kind
    {
        let isUnsigned = peek() == "u" || peek() == "U"
        if isUnsigned { position += 1 }
        guard let value = UInt64(digits, radix: radix) else {
            throw .syntax("1:\(start + 1): Syntax error: invalid int literal")
        }
        if isUnsigned { return .uint(value) }
        if value == UInt64(1) << 63 { return .minimumMagnitude }
        guard let signed = Int64(exactly: value) else {
            throw .syntax("1:\(start + 1): Syntax error: invalid int literal")
        }
        return .int(signed)
    }

    /// Reads a string or bytes literal: one or three quotes, with `r` and `b` before them. Nil if none begins
    /// here.
    private mutating func text() throws(CELError) -> CELToken.Kind? {
        var offset = 0
        var isRaw = false
        var isBytes = false
        while let scalar = peek(offset), offset < 2 {
            if scalar == "r" || scalar == "R", !isRaw {
                isRaw = true
            } else if scalar == "b" || scalar == "B", !isBytes {
                isBytes = true
            } else {
                break
            }
            offset += 1
        }
        guard let quote = peek(offset), quote == "\"" || quote == "'" else { return nil }
        let column = position + 1
        position += offset
        let isTriple = peek(1) == quote && peek(2) == quote
        position += isTriple ? 3 : 1
        var content = String.UnicodeScalarView()
        while true {
            guard let scalar = peek() else { throw .syntax("1:\(column): Syntax error: unterminated string") }
            if scalar == quote, !isTriple || (peek(1) == quote && peek(2) == quote) {
                position += isTriple ? 3 : 1
                return isBytes ? .bytes(Array(String(content).utf8)) : .string(String(content))
            }
            position += 1
            if scalar == "\\", !isRaw {
                content.append(try escape())
            } else if scalar == "\n", !isTriple {
                throw .syntax("1:\(column): Syntax error: unterminated string")
            } else {
                content.append(scalar)
            }
        }
    }

    private mutating func escape() throws(CELError) -> Unicode.Scalar {
        let column = position
        let scalar = peek()
        position += 1
        switch scalar {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "a": return "\u{7}"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "v": return "\u{B}"
        case "\\", "\"", "'", "`", "?": return scalar ?? "\\"
        case "x", "X": return try coded(digits: 2, radix: 16, column)
        case "u": return try coded(digits: 4, radix: 16, column)
        case "U": return try coded(digits: 8, radix: 16, column)
        case "0", "1", "2", "3":
            position -= 1
            return try coded(digits: 3, radix: 8, column)
        default: throw .syntax("1:\(column): Syntax error: invalid escape sequence in string")
        }
    }

    private mutating func coded(digits: Int, radix: Int, _ column: Int) throws(CELError) -> Unicode.Scalar {
        let start = position
        position = min(position + digits, scalars.count)
        guard position - start == digits, let value = UInt32(slice(start), radix: radix),
            let scalar = Unicode.Scalar(value)
        else { throw .syntax("1:\(column): Syntax error: invalid escape sequence in string") }
        return scalar
    }
}
