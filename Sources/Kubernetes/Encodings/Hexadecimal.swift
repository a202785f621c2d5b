import Crypto
import FoundationEssentials

/// Bytes as hexadecimal text, two digits a byte.
public enum Hexadecimal {
    public static func encode(_ bytes: some Sequence<UInt8>, uppercase: Bool = false) -> String {
        let letters: UInt8 = (uppercase ? 0x41 : 0x61) - 10
        var output: [UInt8] = []
        output.reserveCapacity(bytes.underestimatedCount * 2)
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] { output.append(digit + (digit < 10 ? 0x30 : letters)) }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The value of one digit of either case; nil for any other byte.
    public static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// The SHA-256 of some bytes, as 64 lower-case digits: the form in which Anneal stores and compares digests.
    public static func sha256(_ data: some DataProtocol) -> String { encode(SHA256.hash(data: data)) }

    /// The SHA-256 of a text's UTF-8.
    public static func sha256(_ text: String) -> String { sha256(Data(text.utf8)) }
}
