/// An element of an S3 answer. Attributes are skipped; `text` is that of the element itself.
struct XMLElement: Equatable {
    var name: String
    var text = ""
    var children: [XMLElement] = []

    /// The first child of a name.
    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// All children of a name.
    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
}

/// Error of a text that is not the small subset of XML that S3 servers write.
struct XMLParseError: Error, Equatable {
    enum Code: Equatable { case unexpectedEnd, malformed, tooDeep, tooLarge, mismatchedTag }
    var code: Code
    /// Offset in bytes from the start.
    var offset: Int
}

extension XMLElement {
    static let depthLimit = 16
    static let elementLimit = 100_000

    /// Parses a document: elements, text, the five entities, character references, CDATA; comments and
    /// declarations are skipped. Document type definitions are refused, and with them all entities that they
    /// could define.
    init(parsing bytes: some Sequence<UInt8>) throws(XMLParseError) {
        var parser = XMLParser(bytes: Array(bytes))
        self = try parser.document()
    }
}

private struct XMLParser {
    let bytes: [UInt8]
    var position = 0
    var elements = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(XMLParseError) -> XMLElement {
        var open: [XMLElement] = []
        while true {
            guard let byte = current else { throw failure(.unexpectedEnd) }
            guard byte == UInt8(ascii: "<") else {
                let text = try characters()
                guard !open.isEmpty else {
                    // Only a byte-order mark or white space may stand outside of the root.
                    guard text.allSatisfy({ $0.isWhitespace || $0 == "\u{FEFF}" }) else {
                        throw failure(.malformed)
                    }
                    continue
                }
                open[open.count - 1].text += text
                continue
            }
            if take("<?") {
                try skip(past: "?>")
            } else if take("<!--") {
                try skip(past: "-->")
            } else if take("<![CDATA[") {
                guard !open.isEmpty else { throw failure(.malformed) }
                open[open.count - 1].text += try text(until: "]]>")
            } else if take("</") {
                if let root = try close(&open) { return root }
            } else {
                position += 1
                if let root = try self.open(&open) { return root }
            }
        }
    }

    /// Reads a start tag after its `<`; returns the root if the tag closes it.
    private mutating func open(_ open: inout [XMLElement]) throws(XMLParseError) -> XMLElement? {
        elements += 1
        guard elements <= XMLElement.elementLimit else { throw failure(.tooLarge) }
        guard open.count < XMLElement.depthLimit else { throw failure(.tooDeep) }
        let element = XMLElement(name: try name())
        let closesItself = try skipAttributes()
        guard closesItself else {
            open.append(element)
            return nil
        }
        guard !open.isEmpty else { return element }
        open[open.count - 1].children.append(element)
        return nil
    }

    /// Reads an end tag after its `</`; returns the root if the tag is the root's.
    private mutating func close(_ open: inout [XMLElement]) throws(XMLParseError) -> XMLElement? {
        let name = try self.name()
        skipSpace()
        guard take(">") else { throw failure(.malformed) }
        guard let element = open.popLast() else { throw failure(.malformed) }
        guard element.name == name else { throw failure(.mismatchedTag) }
        guard !open.isEmpty else { return element }
        open[open.count - 1].children.append(element)
        return nil
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func failure(_ code: XMLParseError.Code) -> XMLParseError {
        XMLParseError(code: code, offset: position)
    }

    private mutating func take(_ text: StaticString) -> Bool {
        let matched = text.withUTF8Buffer { expected in
            bytes.count - position >= expected.count
                && bytes[position..<(position + expected.count)].elementsEqual(expected)
        }
        if matched { position += text.utf8CodeUnitCount }
        return matched
    }

    private mutating func skip(past mark: StaticString) throws(XMLParseError) {
        while position < bytes.count {
            if take(mark) { return }
            position += 1
        }
        throw failure(.unexpectedEnd)
    }

    private mutating func text(until mark: StaticString) throws(XMLParseError) -> String {
        let start = position
        try skip(past: mark)
        return String(decoding: bytes[start..<(position - mark.utf8CodeUnitCount)], as: UTF8.self)
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            position += 1
        }
    }

    /// Reads a name without its namespace prefix.
    private mutating func name() throws(XMLParseError) -> String {
        let start = position
        while let byte = current, Self.isName(byte) { position += 1 }
        guard position > start else { throw failure(current == nil ? .unexpectedEnd : .malformed) }
        let name = String(decoding: bytes[start..<position], as: UTF8.self)
        return name.split(separator: ":").last.map(String.init) ?? name
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x3A, 0x41...0x5A, 0x61...0x7A, 0x80...0xFF: true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// Moves past the tag's `>`; true for `/>`.
    private mutating func skipAttributes() throws(XMLParseError) -> Bool {
        while let byte = current {
            switch byte {
            case UInt8(ascii: ">"):
                position += 1
                return false
            case UInt8(ascii: "/"):
                position += 1
                guard take(">") else { throw failure(.malformed) }
                return true
            case UInt8(ascii: "\""): try skipQuoted("\"")
            case UInt8(ascii: "'"): try skipQuoted("'")
            case UInt8(ascii: "<"): throw failure(.malformed)
            default: position += 1
            }
        }
        throw failure(.unexpectedEnd)
    }

    private mutating func skipQuoted(_ quote: StaticString) throws(XMLParseError) {
        position += 1
        try skip(past: quote)
    }

    /// Reads text up to the next `<`, with references resolved.
    private mutating func characters() throws(XMLParseError) -> String {
        var buffer: [UInt8] = []
        while let byte = current, byte != UInt8(ascii: "<") {
            if byte == UInt8(ascii: "&") {
                buffer.append(contentsOf: try reference().utf8)
            } else {
                buffer.append(byte)
                position += 1
            }
        }
        return String(decoding: buffer, as: UTF8.self)
    }

    private mutating func reference() throws(XMLParseError) -> String {
        position += 1
        let start = position
        while let byte = current, byte != UInt8(ascii: ";") {
            guard position - start < 10, Self.isName(byte) || byte == UInt8(ascii: "#") else {
                throw failure(.malformed)
            }
            position += 1
        }
        guard current != nil else { throw failure(.unexpectedEnd) }
        let name = String(decoding: bytes[start..<position], as: UTF8.self)
        position += 1
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        guard name.hasPrefix("#") else { throw failure(.malformed) }
        let digits = name.dropFirst()
        let number = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        guard let number, let scalar = UnicodeScalar(number) else { throw failure(.malformed) }
        return String(Character(scalar))
    }
}
