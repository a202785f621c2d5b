import FoundationEssentials

extension JSONValue {
    /// The compact JSON text; members are sorted by name, so that equal values give equal bytes.
    public func serialized(pretty: Bool = false) -> Data {
        var writer = JSONWriter(pretty: pretty)
        writer.write(self, indent: 0)
        return Data(writer.output)
    }

    /// The compact JSON text as a string.
    public var text: String { String(decoding: serialized(), as: UTF8.self) }

    /// An encodable value as unstructured JSON.
    public init(encoding value: some Encodable) throws {
        self = try JSONValueEncoder.encode(value)
    }

    /// Decodes this value into a type.
    public func decoded<T: Decodable>(as type: T.Type = T.self) throws -> T {
        try JSONDecoder().decode(type, from: serialized())
    }
}

private struct JSONWriter {
    let pretty: Bool
    var output: [UInt8] = []

    init(pretty: Bool) { self.pretty = pretty }

    mutating func write(_ value: JSONValue, indent: Int) {
        switch value {
        case .null: append("null")
        case .bool(let flag): append(flag ? "true" : "false")
        case .integer(let number): append(String(number))
        case .number(let number): append(number.isFinite ? Self.format(number) : "null")
        case .string(let text): write(string: text)
        case .array(let elements):
            sequence(open: "[", close: "]", elements, indent: indent) { writer, element in
                writer.write(element, indent: indent + 1)
            }
        case .object(let members):
            sequence(open: "{", close: "}", members.sorted { $0.key < $1.key }, indent: indent) {
                writer, member in
                writer.write(string: member.key)
                writer.append(writer.pretty ? ": " : ":")
                writer.write(member.value, indent: indent + 1)
            }
        }
    }

    /// A number as Go's encoder writes it: a whole one has no fraction.
    private static func format(_ number: Double) -> String {
        if let whole = Int64(exactly: number), whole.magnitude < 1 << 53 { return String(whole) }
        return "\(number)"
    }

    private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }

    private mutating func sequence<C: Collection>(
        open: String, close: String, _ items: C, indent: Int,
        each: (inout JSONWriter, C.Element) -> Void
    ) {
        append(open)
        var first = true
        for item in items {
            if !first { append(",") }
            first = false
            newline(indent + 1)
            each(&self, item)
        }
        if !first { newline(indent) }
        append(close)
    }

    private mutating func newline(_ indent: Int) {
        guard pretty else { return }
        append("\n" + String(repeating: "  ", count: indent))
    }

    private mutating func write(string: String) {
        output.append(UInt8(ascii: "\""))
        var text = string
        text.withUTF8 { bytes in
            var plain = bytes.startIndex
            for index in bytes.indices where Self.isEscaped(bytes[index]) {
                output.append(contentsOf: bytes[plain..<index])
                plain = index + 1
                append(Self.escape(bytes[index]))
            }
            output.append(contentsOf: bytes[plain...])
        }
        output.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func escape(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "\""): return "\\\""
        case UInt8(ascii: "\\"): return "\\\\"
        case 0x0A: return "\\n"
        case 0x0D: return "\\r"
        case 0x09: return "\\t"
        default:
            let hex = String(byte, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        }
    }
}
