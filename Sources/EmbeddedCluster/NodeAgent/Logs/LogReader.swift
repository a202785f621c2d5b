import FoundationEssentials
import Glibc
import KubernetesAPI

/// The part of a log that is requested.
public struct LogOptions: Hashable, Sendable {
    public var follow = false
    public var previous = false
    public var timestamps = false
    public var tailLines: Int?
    public var limitBytes: Int?
    /// Time in milliseconds since 1970 from which lines are wanted; nil for all.
    public var since: Int64?
    public init() {}
}

/// Reads a container's log, the rotated part included.
struct LogReader: Sendable {
    let log: String

    init(log: String) { self.log = log }

    /// The end of the log, in whole lines; nil if there is no log.
    func tail(lines: Int, bytes: Int) -> String? {
        var options = LogOptions()
        options.tailLines = lines
        let text = String(decoding: read(options).text.utf8.suffix(bytes), as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    /// The text that the options select, and the offset in the current file from which to go on.
    func read(_ options: LogOptions) -> (text: String, offset: Int64) {
        let older = lines(of: "\(log).1")
        var current = lines(of: log)
        if options.follow, options.timestamps, let last = current.lines.last, !last.isEnded {
            // Whoever follows gets the line with its one time when it has ended.
            current.lines.removeLast()
            current.size = last.start
        }
        var selected = older.lines + current.lines
        if let since = options.since { selected = selected.filter { $0.milliseconds >= since } }
        if let count = options.tailLines { selected = Array(selected.suffix(max(0, count))) }
        var text = Self.render(selected, timestamps: options.timestamps)
        if let limit = options.limitBytes {
            text = String(decoding: text.utf8.prefix(max(0, limit)), as: UTF8.self)
        }
        return (text, current.size)
    }

    /// The text written after `offset`, and the offset from which to go on; with timestamps, whole lines
    /// only.
    func read(from offset: Int64, timestamps: Bool, now: Int64) -> (text: String, offset: Int64) {
        guard let data = bytes(of: log, from: offset), !data.isEmpty else {
            // A log that shrank was rotated, and begins anew.
            return ("", min(offset, size(of: log)))
        }
        guard timestamps else {
            let whole = data.dropLast(Self.begunBytes(in: data[...]))
            return (String(decoding: whole, as: UTF8.self), offset + Int64(whole.count))
        }
        guard let end = data.lastIndex(of: 10) else { return ("", offset) }
        let whole = data[...end]
        let lines = whole.split(separator: 10, omittingEmptySubsequences: false).dropLast().map {
            Line(text: String(decoding: $0, as: UTF8.self), milliseconds: now, isEnded: true)
        }
        return (Self.render(lines, timestamps: true), offset + Int64(whole.count))
    }

    struct Line: Hashable, Sendable {
        var text: String
        var milliseconds: Int64
        var isEnded: Bool
        /// Offset of the line in its file.
        var start: Int64 = 0
    }

    static func render(_ lines: [Line], timestamps: Bool) -> String {
        var output = ""
        for line in lines {
            if timestamps {
                let time = MicroTime(
                    seconds: line.milliseconds / 1000, microseconds: line.milliseconds % 1000 * 1000)
                output += "\(time) "
            }
            output += line.text
            if line.isEnded { output += "\n" }
        }
        return output
    }

    private func lines(of path: String) -> (lines: [Line], size: Int64) {
        guard var data = bytes(of: path, from: 0) else { return ([], 0) }
        data.removeLast(Self.begunBytes(in: data[...]))
        let marks = LogTimeline.marks(of: path)
        // What nobody has noted yet was written until the file was last changed, and after the last note.
        let newest = max(LogTimeline.modified(path) ?? 0, marks.last?.milliseconds ?? 0)
        var mark = 0
        var offset: Int64 = 0
        var lines: [Line] = []
        var parts = data.split(separator: 10, omittingEmptySubsequences: false)[...]
        while let part = parts.popFirst() {
            let isLast = parts.isEmpty
            if isLast, part.isEmpty { break }
            while mark < marks.count, marks[mark].offset <= offset { mark += 1 }
            let time = mark < marks.count ? marks[mark].milliseconds : newest
            lines.append(
                Line(
                    text: String(decoding: part, as: UTF8.self), milliseconds: time, isEnded: !isLast,
                    start: offset))
            offset += Int64(part.count) + 1
        }
        return (lines, Int64(data.count))
    }

    /// Bytes at the end that begin a character whose rest is not written yet.
    static func begunBytes(in data: ArraySlice<UInt8>) -> Int {
        for (index, byte) in data.suffix(3).reversed().enumerated() {
            let length =
                switch byte {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                case 0x80...0xBF: 0
                default: 1
                }
            // A byte of the middle: its character began before.
            guard length > 0 else { continue }
            return length > index + 1 ? index + 1 : 0
        }
        return 0
    }

    private func size(of path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }

    private func bytes(of path: String, from offset: Int64) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = size(of: path)
        guard size > offset else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(clamping: min(size - offset, 64 << 20)))
        let count = bytes.withUnsafeMutableBytes {
            pread(descriptor, $0.baseAddress, $0.count, off_t(offset))
        }
        return Array(bytes.prefix(max(0, count)))
    }
}
