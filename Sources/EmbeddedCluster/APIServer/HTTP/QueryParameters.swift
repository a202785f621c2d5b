/// The parameters of a query; a name can come more than once.
struct QueryParameters: Sendable {
    private var values: [String: [String]] = [:]

    init(_ text: String) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = URLEscapes.decode(String(parts[0]), plusIsSpace: true)
            let value = parts.count > 1 ? URLEscapes.decode(String(parts[1]), plusIsSpace: true) : ""
            values[name, default: []].append(value)
        }
    }

    /// The first value; nil if the parameter is absent or empty.
    subscript(name: String) -> String? {
        guard let value = values[name]?.first, !value.isEmpty else { return nil }
        return value
    }

    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// Value of a flag, as Kubernetes reads it: `1`, `true` and an empty value are true.
    func flag(_ name: String) -> Bool {
        guard let value = values[name]?.first else { return false }
        return value != "0" && value.lowercased() != "false"
    }

    /// Whether the parameter is there, if only empty.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// The first value as a number; nil if the parameter is absent. Anything else is refused, also nothing.
    func integer(_ name: String) throws(APIError) -> Int64? {
        guard let text = values[name]?.first else { return nil }
        if let number = Int64(text) { return number }
        let digits = text.utf8.drop { $0 == 0x2B || $0 == 0x2D }
        let isNumber =
            !digits.isEmpty && digits.allSatisfy { (0x30...0x39).contains($0) }
            && text.utf8.count - digits.count <= 1
        throw .badRequest(
            "strconv.ParseInt: parsing \(text.quotedInGo): "
                + (isNumber ? "value out of range" : "invalid syntax"))
    }
}

/// RFC 3986 percent-encoding.
enum URLEscapes {
    /// Malformed escapes stay as they are.
    static func decode(_ text: String, plusIsSpace: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 0x25 || (plusIsSpace && $0 == 0x2B) }) else { return text }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x25, index + 2 < bytes.count, let high = nibble(bytes[index + 1]),
                let low = nibble(bytes[index + 2])
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(plusIsSpace && bytes[index] == 0x2B ? 0x20 : bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// Escapes all but unreserved characters.
    static func encode(_ text: String) -> String {
        var output = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                output.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                output += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return output
    }
}
