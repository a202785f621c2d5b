import FoundationEssentials

/// Finds one member in a JSON text without decoding the rest of it.
public enum JSONMember {
    /// The string at a path of member names; nil if there is none, if it is written with escapes, or if the
    /// text before it is not JSON.
    public static func string(at path: [StaticString], in text: Data) -> String? {
        text.withUnsafeBytes { bytes in
            var cursor = Cursor(bytes: bytes)
            for name in path {
                guard cursor.enterMember(name) else { return nil }
            }
            return cursor.plainString().map { String(decoding: $0, as: UTF8.self) }
        }
    }

    private struct Cursor {
        let bytes: UnsafeRawBufferPointer
        private var position = 0

        init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func skipSpace() {
            while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
                position += 1
            }
        }

        private mutating func skip(_ byte: UInt8) -> Bool {
            skipSpace()
            guard current == byte else { return false }
            position += 1
            return true
        }

        /// Moves from before an object to before the value of its member of that name.
        mutating func enterMember(_ name: StaticString) -> Bool {
            guard skip(UInt8(ascii: "{")) else { return false }
            repeat {
                guard let key = string(), skip(UInt8(ascii: ":")) else { return false }
                let isWanted = name.withUTF8Buffer { $0.elementsEqual(key) }
                if isWanted { return true }
                skipValue()
            } while skip(UInt8(ascii: ","))
            return false
        }

        mutating func plainString() -> Slice<UnsafeRawBufferPointer>? {
            guard let text = string(), !text.contains(UInt8(ascii: "\\")) else { return nil }
            return text
        }

        /// The bytes between the quotes of a string, escapes included.
        private mutating func string() -> Slice<UnsafeRawBufferPointer>? {
            guard skip(UInt8(ascii: "\"")) else { return nil }
            let start = position
            while let byte = current {
                if byte == UInt8(ascii: "\"") {
                    defer { position += 1 }
                    return bytes[start..<position]
                }
                // The byte after a backslash never ends the string.
                position += byte == UInt8(ascii: "\\") ? 2 : 1
            }
            return nil
        }

        private mutating func skipValue() {
            skipSpace()
            var depth = 0
            while let byte = current {
                switch byte {
                case UInt8(ascii: "\""):
                    guard string() != nil else { return }
                    if depth == 0 { return }
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    depth += 1
                    position += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return }
                    depth -= 1
                    position += 1
                    if depth == 0 { return }
                case UInt8(ascii: ",") where depth == 0: return
                default: position += 1
                }
            }
        }
    }
}
