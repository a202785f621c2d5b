import FoundationEssentials
import Glibc

/// Reads `/proc` about the processes of this host.
enum ProcessTable {
    struct Entry: Hashable, Sendable {
        var pid: pid_t
        var parent: pid_t
        var isZombie: Bool
        /// Clock ticks since boot; with the number it identifies a process.
        var startTicks: UInt64
    }

    static func entry(_ pid: pid_t) -> Entry? {
        read("/proc/\(pid)/stat").flatMap(parse)
    }

    /// Parses one line of `/proc/PID/stat`; the name in parentheses may contain anything.
    static func parse(_ stat: String) -> Entry? {
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close,
            let pid = pid_t(stat[..<open].trimmingSpaces)
        else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 19, let parent = pid_t(fields[1]), let ticks = UInt64(fields[19]) else {
            return nil
        }
        return Entry(
            pid: pid, parent: parent, isZombie: fields[0] == "Z" || fields[0] == "X", startTicks: ticks)
    }

    /// The children of a process.
    static func children(of pid: pid_t) -> [pid_t] {
        (read("/proc/\(pid)/task/\(pid)/children") ?? "").split(separator: " ").compactMap { pid_t($0) }
    }

    /// The process's number in its innermost process namespace.
    static func innermostNumber(of pid: pid_t) -> pid_t? {
        field("NSpid", of: pid)?.split(whereSeparator: \.isWhitespace).last.flatMap { pid_t($0) }
    }

    /// Memory that a process tree holds for itself, in bytes: anonymous pages, and shared memory once.
    static func memory(ofTreeAt root: pid_t) -> Int64 {
        var anonymous: Int64 = 0
        var shared: Int64 = 0
        var queue = [root]
        var visited = 0
        while let pid = queue.popLast(), visited < 10_000 {
            visited += 1
            anonymous += kibibytes("RssAnon", of: pid)
            shared = max(shared, kibibytes("RssShmem", of: pid))
            queue += children(of: pid)
        }
        return (anonymous + shared) * 1024
    }

    private static func kibibytes(_ name: String, of pid: pid_t) -> Int64 {
        field(name, of: pid)?.split(whereSeparator: \.isWhitespace).first.flatMap { Int64($0) } ?? 0
    }

    private static func field(_ name: String, of pid: pid_t) -> Substring? {
        guard let status = read("/proc/\(pid)/status") else { return nil }
        let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return line?.dropFirst(name.count + 1)
    }

    /// Reads a file whose size is not known before; nil if it cannot be read.
    static func read(_ path: String, limit: Int = 1 << 20) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < limit {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            bytes += buffer.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    var trimmingSpaces: Substring {
        var rest = self
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}
