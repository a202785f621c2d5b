/// Percent-encoding of RFC 3986. Letters, digits, `-`, `.`, `_` and `~` stay; other bytes become `%` and two
/// upper-case hexadecimal digits, as Signature Version 4 and Kubernetes want it.
public enum PercentEncoding {
    /// - Parameter keepsSlash: leaves `/` as it is, for text that is a path and not one part of it.
    public static func encode(_ text: String, keepsSlash: Bool = false) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                output.append(byte)
            case UInt8(ascii: "/") where keepsSlash:
                output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                output.append(contentsOf: Hexadecimal.encode([byte], uppercase: true).utf8)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The text behind an encoded one; nil if an escape is malformed or the bytes are not UTF-8.
    ///
    /// - Parameter plusIsSpace: reads `+` as a blank, as forms and the listings of S3 write it.
    public static func decode(_ text: String, plusIsSpace: Bool) -> String? {
        guard let bytes = bytes(of: text, plusIsSpace: plusIsSpace, keepsMalformed: false) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The text behind an encoded one. Malformed escapes stay as they are, and bytes that are not UTF-8 become
    /// replacement characters.
    public static func decodeLeniently(_ text: String, plusIsSpace: Bool) -> String {
        let bytes = bytes(of: text, plusIsSpace: plusIsSpace, keepsMalformed: true) ?? []
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func bytes(of text: String, plusIsSpace: Bool, keepsMalformed: Bool) -> [UInt8]? {
        var output: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+") where plusIsSpace: output.append(0x20)
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2)
                if digits.count == 2, let high = digits.first.flatMap(Hexadecimal.digit),
                    let low = digits.last.flatMap(Hexadecimal.digit)
                {
                    output.append(high << 4 | low)
                    rest = rest.dropFirst(2)
                } else if keepsMalformed {
                    output.append(byte)
                } else {
                    return nil
                }
            default: output.append(byte)
            }
        }
        return output
    }
}
