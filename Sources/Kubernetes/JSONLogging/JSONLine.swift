import Logging

/// A JSON object on one line, of bounded length: values that are too long are cut, and fields that do not fit
/// are left out.
struct JSONLine {
    /// Bytes of a line, at most: container runtimes split lines of 16 KiB.
    static let maximumBytes = 15 << 10
    private static let maximumMessageBytes = 8 << 10
    private static let maximumValueBytes = 2 << 10
    private static let maximumDepth = 4
    private static let reserved: Set<String> = ["time", "level", "logger", "message", "truncated"]

    private var bytes: [UInt8] = [UInt8(ascii: "{")]
    private var isTruncated = false

    mutating func add(_ key: String, _ text: String) {
        append(key) { $0.append(text, limit: Self.maximumMessageBytes) }
    }

    /// Adds a field of the metadata. An underscore goes before a name that the line's own fields use.
    mutating func add(_ key: String, _ value: Logger.MetadataValue) {
        append(Self.reserved.contains(key) ? "_" + key : key) { $0.append(value, depth: 0) }
    }

    mutating func finished() -> [UInt8] {
        if isTruncated { bytes += Array(",\"truncated\":true".utf8) }
        bytes += [UInt8(ascii: "}"), UInt8(ascii: "\n")]
        return bytes
    }

    private mutating func append(_ key: String, _ value: (inout JSONLine) -> Void) {
        let before = bytes.count
        if before > 1 { bytes.append(UInt8(ascii: ",")) }
        append(key, limit: 256)
        bytes.append(UInt8(ascii: ":"))
        value(&self)
        guard bytes.count > Self.maximumBytes else { return }
        bytes.removeLast(bytes.count - before)
        isTruncated = true
    }

    private mutating func append(_ value: Logger.MetadataValue, depth: Int) {
        switch value {
        case .string(let text): append(text, limit: Self.maximumValueBytes)
        case .stringConvertible(let value): append(value)
        case .array(let values):
            guard depth < Self.maximumDepth else { return append("…", limit: 8) }
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() where bytes.count <= Self.maximumBytes {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(value, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "]"))
        case .dictionary(let values):
            guard depth < Self.maximumDepth else { return append("…", limit: 8) }
            bytes.append(UInt8(ascii: "{"))
            for (index, pair) in values.sorted(by: { $0.key < $1.key }).enumerated()
            where bytes.count <= Self.maximumBytes {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(pair.key, limit: 256)
                bytes.append(UInt8(ascii: ":"))
                append(pair.value, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// Appends whole numbers and booleans as such, and anything else as text.
    private mutating func append(_ value: any CustomStringConvertible & Sendable) {
        switch value {
        case is any FixedWidthInteger, is Bool: bytes += Array(value.description.utf8)
        default: append(value.description, limit: Self.maximumValueBytes)
        }
    }

    /// Appends a JSON string of at most `limit` bytes, cut between characters.
    private mutating func append(_ text: String, limit: Int) {
        bytes.append(UInt8(ascii: "\""))
        let end = bytes.count + limit
        for scalar in text.unicodeScalars {
            guard bytes.count < end else {
                bytes += Array("…".utf8)
                break
            }
            append(scalar)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\"")]
        case "\\": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
        case "\n": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
        case "\r": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
        case "\t": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
        // Line separators end a line for some readers; DEL is a control character.
        case _ where scalar.value < 0x20 || scalar.value == 0x7F || (0x2028...0x2029).contains(scalar.value):
            let hex = String(scalar.value, radix: 16)
            bytes += Array("\\u\(String(repeating: "0", count: 4 - hex.count))\(hex)".utf8)
        default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }
}
