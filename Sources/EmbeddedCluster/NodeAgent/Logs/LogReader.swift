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
    public var sinceSeconds: Int64?
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
        let text = String(decoding: read(options, now: 0).text.utf8.suffix(bytes), as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    /// The text that the options select, and the offset in the current file from which to go on.
    func read(_ options: LogOptions, now: Int64) -> (text: String, offset: Int64) {
        let older = lines(of: "\(log).1")
        let current = lines(of: log)
        var selected = older.lines + current.lines
        if let since = options.sinceSeconds {
            let earliest = now - 1000 * min(max(0, since), 1 << 40)
            selected = selected.filter { $0.milliseconds >= earliest }
        }
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
        guard timestamps else { return (String(decoding: data, as: UTF8.self), offset + Int64(data.count)) }
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
        guard let data = bytes(of: path, from: 0) else { return ([], 0) }
        let marks = LogTimeline.marks(of: path)
        var mark = 0
        var offset: Int64 = 0
        var lines: [Line] = []
        var parts = data.split(separator: 10, omittingEmptySubsequences: false)[...]
        while let part = parts.popFirst() {
            let isLast = parts.isEmpty
            if isLast, part.isEmpty { break }
            while mark < marks.count - 1, marks[mark].offset <= offset { mark += 1 }
            let time = marks.indices.contains(mark) ? marks[mark].milliseconds : .max / 2000
            lines.append(
                Line(text: String(decoding: part, as: UTF8.self), milliseconds: time, isEnded: !isLast))
            offset += Int64(part.count) + 1
        }
        return (lines, Int64(data.count))
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
