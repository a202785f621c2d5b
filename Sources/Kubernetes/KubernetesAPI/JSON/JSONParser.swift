import FoundationEssentials

/// Error of a text that is not JSON, and its place.
public struct JSONParseError: Error, Equatable, CustomStringConvertible {
    public enum Code: Equatable, Sendable {
        case unexpectedEnd
        case unexpectedByte(UInt8)
        case invalidNumber
        case invalidString
        case tooDeep(limit: Int)
        case trailingBytes
    }

    public var code: Code
    /// Offset in bytes from the start of the text.
    public var offset: Int

    public init(code: Code, offset: Int) {
        self.code = code
        self.offset = offset
    }

    public var description: String {
        let what =
            switch code {
            case .unexpectedEnd: "the text ends too early"
            case .unexpectedByte(let byte): "unexpected character '\(Character(UnicodeScalar(byte)))'"
            case .invalidNumber: "malformed number"
            case .invalidString: "malformed string"
            case .tooDeep(let limit): "nested deeper than \(limit) levels"
            case .trailingBytes: "more text after the value"
            }
        return "invalid JSON at byte \(offset): \(what)"
    }
}

extension JSONValue {
    /// Depth to which arrays and objects may nest; deeper input is refused before it can exhaust the stack.
    public static let depthLimit = 256

    /// Parses a JSON text (RFC 8259). A later duplicate of a key wins.
    public init(parsing bytes: some Sequence<UInt8>, depthLimit: Int = JSONValue.depthLimit)
        throws(JSONParseError)
    {
        var parser = JSONParser(bytes: ContiguousArray(bytes), depthLimit: depthLimit)
        self = try parser.document()
    }

    public init(parsing text: String) throws(JSONParseError) {
        try self.init(parsing: text.utf8)
    }
}

private struct JSONParser {
    let bytes: ContiguousArray<UInt8>
    let depthLimit: Int
    var position = 0

    init(bytes: ContiguousArray<UInt8>, depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    mutating func document() throws(JSONParseError) -> JSONValue {
        let value = try self.value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw failure(.trailingBytes) }
        return value
    }

    private func failure(_ code: JSONParseError.Code) -> JSONParseError {
        JSONParseError(code: code, offset: position)
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func unexpected() -> JSONParseError {
        guard let byte = current else { return failure(.unexpectedEnd) }
        return failure(.unexpectedByte(byte))
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            position += 1
        }
    }

    private mutating func value(depth: Int) throws(JSONParseError) -> JSONValue {
        guard depth <= depthLimit else { throw failure(.tooDeep(limit: depthLimit)) }
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONParseError)
        -> JSONValue
    {
        let matched = text.withUTF8Buffer { expected in
            guard bytes.count - position >= expected.count else { return false }
            return bytes[position..<(position + expected.count)].elementsEqual(expected)
        }
        guard matched else { throw unexpected() }
        position += text.utf8CodeUnitCount
        return value
    }

    private mutating func object(depth: Int) throws(JSONParseError) -> JSONValue {
        position += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw unexpected() }
            let key = try string()
            skipSpace()
            guard current == UInt8(ascii: ":") else { throw unexpected() }
            position += 1
            members[key] = try value(depth: depth + 1)
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return .object(members)
            default: throw unexpected()
            }
        }
    }

    private mutating func array(depth: Int) throws(JSONParseError) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return .array(elements)
            default: throw unexpected()
            }
        }
    }

    private mutating func number() throws(JSONParseError) -> JSONValue {
        let start = position
        var isInteger = true
        if current == UInt8(ascii: "-") { position += 1 }
        guard let first = current, isDigit(first) else { throw unexpected() }
        position += 1
        if first != UInt8(ascii: "0") { skipDigits() }
        if current == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard skipDigits() else { throw failure(.invalidNumber) }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() else { throw failure(.invalidNumber) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw failure(.invalidNumber) }
        return .number(value)
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    @discardableResult
    private mutating func skipDigits() -> Bool {
        let start = position
        while let byte = current, isDigit(byte) { position += 1 }
        return position > start
    }

    private mutating func string() throws(JSONParseError) -> String {
        position += 1
        let start = position
        // Most strings have no escapes and are copied in one go.
        while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
            position += 1
        }
        guard let stop = current else { throw failure(.unexpectedEnd) }
        if stop == UInt8(ascii: "\"") {
            defer { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }
        var buffer = Array(bytes[start..<position])
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: buffer, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &buffer)
            case 0..<0x20:
                throw failure(.invalidString)
            default:
                buffer.append(byte)
                position += 1
            }
        }
        throw failure(.unexpectedEnd)
    }

    private mutating func escape(into buffer: inout [UInt8]) throws(JSONParseError) {
        guard let byte = current else { throw failure(.unexpectedEnd) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0C)
        case UInt8(ascii: "n"): buffer.append(0x0A)
        case UInt8(ascii: "r"): buffer.append(0x0D)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try unicodeEscape()
            buffer.append(contentsOf: String(Character(scalar)).utf8)
        default: throw failure(.invalidString)
        }
    }

    /// The scalar of `XXXX` after `\u`, joined with a following low surrogate; a lone surrogate becomes
    /// the replacement character, as in Go's decoder.
    private mutating func unicodeEscape() throws(JSONParseError) -> UnicodeScalar {
        let replacement: UnicodeScalar = "\u{FFFD}"
        let high = try hexQuad()
        guard (0xD800..<0xE000).contains(high) else { return UnicodeScalar(high) ?? replacement }
        guard high < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { return replacement }
        let mark = position
        position += 2
        let low = try hexQuad()
        guard (0xDC00..<0xE000).contains(low) else {
            position = mark
            return replacement
        }
        return UnicodeScalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)) ?? replacement
    }

    private mutating func hexQuad() throws(JSONParseError) -> UInt32 {
        guard bytes.count - position >= 4 else { throw failure(.unexpectedEnd) }
        let text = String(decoding: bytes[position..<(position + 4)], as: UTF8.self)
        guard text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16) else {
            throw failure(.invalidString)
        }
        position += 4
        return value
    }
}
