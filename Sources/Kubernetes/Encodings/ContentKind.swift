/// What some content seems to be, told by its first bytes: for messages about content that is not what was
/// expected.
public enum ContentKind: Hashable, Sendable {
    case empty
    /// A page for browsers, as proxies and login services send; its title is nil if it has none.
    case html(title: String?)
    case xml
    case jsonArray
    case jsonObject
    case gzip
    /// A compressed or packed file that is read nowhere: its format's name, and the command that unpacks it.
    case packed(format: String, command: String)
    /// A columnar or binary table: its format's name.
    case table(format: String)
    case utf16
    case utf32
    /// A pointer that Git LFS leaves in a file's place.
    case lfsPointer
    /// UTF-8 text of no kind above.
    case text
    /// Bytes that are no text.
    case binary

    /// Bytes that are looked at, at most.
    public static let window = 4096

    /// - Parameter content: the content, or its beginning.
    public init(of content: some Collection<UInt8>) {
        let bytes = Array(content.prefix(Self.window))
        self = Self.signature(bytes) ?? Self.encoding(bytes) ?? Self.markup(bytes)
    }

    /// A noun with its article.
    public var description: String {
        switch self {
        case .empty: "nothing at all"
        case .html(let title): "an HTML page" + (title.map { " (\"\($0)\")" } ?? "")
        case .xml: "an XML document"
        case .jsonArray: "a JSON array"
        case .jsonObject: "a JSON object"
        case .gzip: "gzip"
        case .packed(let format, _): "a \(format) file"
        case .table(let format): "a table in the format \(format)"
        case .utf16: "text in UTF-16"
        case .utf32: "text in UTF-32"
        case .lfsPointer: "a pointer of Git LFS, not the file itself"
        case .text: "plain text"
        case .binary: "binary data"
        }
    }

    private static func signature(_ bytes: [UInt8]) -> ContentKind? {
        guard !bytes.isEmpty else { return .empty }
        let signatures: [([UInt8], ContentKind)] = [
            ([0x1F, 0x8B], .gzip),
            ([0x28, 0xB5, 0x2F, 0xFD], .packed(format: "Zstandard", command: "zstd -d")),
            (Array("BZh".utf8), .packed(format: "bzip2", command: "bunzip2")),
            ([0xFD] + Array("7zXZ".utf8) + [0], .packed(format: "xz", command: "unxz")),
            ([0x50, 0x4B, 3, 4], .packed(format: "zip", command: "unzip")),
            (Array("PAR1".utf8), .table(format: "Parquet")),
            (Array("ARROW1".utf8), .table(format: "Arrow")),
            (Array("Obj".utf8) + [1], .table(format: "Avro")),
            (Array("version https://git-lfs".utf8), .lfsPointer),
        ]
        return signatures.first { bytes.starts(with: $0.0) }?.1
    }

    private static func encoding(_ bytes: [UInt8]) -> ContentKind? {
        let head = bytes.prefix(4)
        if head.elementsEqual([0xFF, 0xFE, 0, 0]) || head.elementsEqual([0, 0, 0xFE, 0xFF]) {
            return .utf32
        }
        if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) { return .utf16 }
        // ASCII in UTF-16 without a mark has a zero in every other byte.
        let isZero = head.map { $0 == 0 }
        if isZero == [false, true, false, true] || isZero == [true, false, true, false] { return .utf16 }
        if isZero == [false, true, true, true] || isZero == [true, true, true, false] { return .utf32 }
        return nil
    }

    private static func markup(_ bytes: [UInt8]) -> ContentKind {
        guard !bytes.contains(0), let text = text(bytes) else { return .binary }
        let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        switch start.first {
        case nil: return .empty
        case "[": return .jsonArray
        case "{": return .jsonObject
        case "<":
            let lower = start.prefix(1024).lowercased()
            let isPage = ["<!doctype html", "<html", "<head>", "<body"].contains { lower.contains($0) }
            return isPage ? .html(title: title(String(start))) : .xml
        default: return .text
        }
    }

    /// The bytes as UTF-8 text, of which the window may have cut the last character; nil if they are none.
    private static func text(_ bytes: [UInt8]) -> String? {
        for cut in 0...3 where cut <= bytes.count {
            if let text = String(validating: bytes.dropLast(cut), as: UTF8.self) { return text }
            guard bytes.count == window else { return nil }
        }
        return nil
    }

    /// The title of a page, on one line of 80 characters at most.
    private static func title(_ page: String) -> String? {
        let lower = page.lowercased()
        // Lower case may have another length than the page: only a title in ASCII positions is cut out.
        guard lower.utf8.count == page.utf8.count, let tag = lower.firstRange(of: "<title"),
            let start = lower[tag.upperBound...].firstIndex(of: ">"),
            let end = lower[start...].firstRange(of: "</title")
        else { return nil }
        let from = lower.utf8.distance(from: lower.startIndex, to: lower.index(after: start))
        let to = lower.utf8.distance(from: lower.startIndex, to: end.lowerBound)
        let bytes = Array(page.utf8).dropFirst(from).prefix(max(0, to - from))
        let words = String(decoding: bytes, as: UTF8.self).split { character in
            character.isWhitespace
                || character.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
        }
        let title = String(words.joined(separator: " ").prefix(80))
        return title.isEmpty ? nil : title
    }
}
