import Encodings
import FoundationEssentials

/// Content that holds no lines of JSON. `problem` says what it is and what to do.
struct UnreadableContent: Error, Equatable {
    var problem: String
}

/// Cuts the bytes of one file into lines: gunzips what is gzip, drops byte order marks, and refuses what is no
/// text of lines by what it seems to be.
struct RecordLines {
    /// Bytes of one record, at most.
    static let lineLimit = 8 << 20
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private let opensGzip: Bool
    private var lines = LineSplitter(limit: Self.lineLimit)
    private var gunzip: Gunzip?
    private var raw = Beginning()
    private var text = Beginning()
    private(set) var number = 0

    /// - Parameter opensGzip: whether gzip is read; otherwise it is refused like other compressed files.
    init(opensGzip: Bool) { self.opensGzip = opensGzip }

    /// Calls `body` with each line that ends in this chunk and is not blank.
    mutating func take(_ chunk: Data, _ body: ([UInt8]) throws -> Void) throws {
        let isFirst = !raw.isOver
        guard let chunk = raw.take(chunk) else { return }
        try takeRaw(chunk, isFirst: isFirst, body)
    }

    private mutating func takeRaw(
        _ chunk: Data, isFirst: Bool, _ body: ([UInt8]) throws -> Void
    ) throws {
        if isFirst, ContentKind(of: chunk) == .gzip {
            guard opensGzip else {
                throw UnreadableContent(
                    problem: "it is gzip, which is not read here; upload what gunzip makes of it")
            }
            gunzip = Gunzip()
        }
        guard let gunzip else { return try takeText(chunk, body) }
        do {
            try gunzip.take(chunk) { try takeText($0, body) }
        } catch let failure as Gunzip.Failure { throw Self.unreadable(failure) }
    }

    /// Calls `body` with the last line, if it has no line feed.
    mutating func finish(_ body: ([UInt8]) throws -> Void) throws {
        if let chunk = raw.rest() { try takeRaw(chunk, isFirst: true, body) }
        do { try gunzip?.finish() } catch { throw Self.unreadable(error) }
        if let chunk = text.rest() { try split(chunk, isFirst: true, body) }
        var splitter = lines
        lines = LineSplitter(limit: Self.lineLimit)
        try splitter.finish { try pass($0, body) }
    }

    private mutating func takeText(_ chunk: Data, _ body: ([UInt8]) throws -> Void) throws {
        let isFirst = !text.isOver
        guard let chunk = text.take(chunk) else { return }
        try split(chunk, isFirst: isFirst, body)
    }

    private mutating func split(_ chunk: Data, isFirst: Bool, _ body: ([UInt8]) throws -> Void) throws {
        if isFirst, let problem = Self.problem(chunk) { throw UnreadableContent(problem: problem) }
        var splitter = lines
        lines = LineSplitter(limit: Self.lineLimit)
        defer { lines = splitter }
        try splitter.take(chunk) { try pass($0, body) }
    }

    private mutating func pass(_ line: [UInt8], _ body: ([UInt8]) throws -> Void) throws {
        number += 1
        // Files that were joined have a mark at the head of each.
        var line = line
        while line.starts(with: Self.mark) { line.removeFirst(Self.mark.count) }
        guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { return }
        try body(line)
    }

    /// The first bytes, held until there are enough to tell what they are.
    private struct Beginning {
        private var held = Data()
        private(set) var isOver = false

        /// Bytes held and the chunk, once that is enough.
        mutating func take(_ chunk: Data) -> Data? {
            guard !isOver else { return chunk }
            held.append(chunk)
            guard held.count >= ContentKind.window else { return nil }
            return rest()
        }

        /// Bytes held still; nil if they have been taken.
        mutating func rest() -> Data? {
            guard !isOver else { return nil }
            isOver = true
            defer { held = Data() }
            return held
        }
    }

    private static func unreadable(_ failure: Gunzip.Failure) -> UnreadableContent {
        switch failure {
        case .damaged:
            UnreadableContent(
                problem: "its gzip is damaged; compress it again, test it by gzip -t, and upload it")
        case .endsEarly: UnreadableContent(problem: "its gzip ends too early; upload the whole file")
        case .outOfMemory: UnreadableContent(problem: "there is no memory left to decompress it")
        }
    }

    /// Problem of content that begins like this; nil if it may be lines of JSON.
    private static func problem(_ beginning: Data) -> String? {
        let kind = ContentKind(of: beginning)
        let what = "it is \(kind.description)"
        switch kind {
        case .jsonArray:
            return
                "\(what); write one object a line, without brackets and commas around them (jq -c '.[]' does)"
        case .gzip: return "\(what) in gzip; compress it once"
        case .packed(_, let command):
            return
                "\(what), which is not read; unpack it by \(command), and upload JSON lines, or those in gzip"
        case .table:
            return "\(what), which is not read; convert it to one JSON object a line (.jsonl or .jsonl.gz)"
        case .utf16, .utf32: return "\(what); convert it to UTF-8 (iconv -t UTF-8 does)"
        case .lfsPointer: return "\(what); run git lfs pull, and upload what that brings"
        case .html, .xml: return "\(what); upload one JSON object a line"
        case .jsonObject where spansLines(beginning):
            return "it is one JSON object over several lines; write each record on one line (jq -c . does)"
        case .empty, .jsonObject, .text, .binary: return nil
        }
    }

    /// Whether the first line opens an object and nothing more, as indented JSON does.
    private static func spansLines(_ beginning: Data) -> Bool {
        let text = String(decoding: beginning.prefix(ContentKind.window), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).prefix(2).map { line in
            line.filter { !$0.isWhitespace && $0 != "\u{FEFF}" }
        }
        return lines.count == 2 && lines[0] == "{" && (lines[1].hasPrefix("\"") || lines[1] == "}")
    }
}
