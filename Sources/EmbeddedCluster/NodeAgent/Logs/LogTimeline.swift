import FoundationEssentials
import Glibc

/// Times at which a log's bytes were written: pairs of offset and time beside the log, as the container
/// writes to the file by itself. Also rotates the log.
struct LogTimeline: Sendable {
    let log: String
    private var noted: Int64 = -1

    init(log: String) { self.log = log }

    static func path(of log: String) -> String { "\(log).times" }

    /// Notes that the log has its present size now, and rotates a log larger than `limit` bytes; the
    /// container goes on writing at the start of the emptied file.
    mutating func note(now: Int64, limit: Int64) {
        var status = stat()
        guard stat(log, &status) == 0 else { return }
        let size = Int64(status.st_size)
        guard size != noted else { return }
        noted = size
        // An agent that was away learns late what was written long ago.
        append("\(size) \(min(now, Self.modified(log) ?? now))\n")
        if size > limit { rotate() }
    }

    /// Time of a file's last change, in milliseconds since 1970; nil if there is no such file.
    static func modified(_ path: String) -> Int64? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let time = status.st_mtim
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    private func append(_ line: String) {
        let descriptor = open(Self.path(of: log), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(line.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }

    private mutating func rotate() {
        let manager = FileManager.default
        for path in ["\(log).1", Self.path(of: "\(log).1")] { try? manager.removeItem(atPath: path) }
        guard (try? manager.copyItem(atPath: log, toPath: "\(log).1")) != nil, truncate(log, 0) == 0 else {
            return
        }
        try? manager.moveItem(atPath: Self.path(of: log), toPath: Self.path(of: "\(log).1"))
        noted = -1
    }

    /// The noted pairs, oldest first.
    static func marks(of log: String) -> [(offset: Int64, milliseconds: Int64)] {
        (ProcessTable.read(path(of: log), limit: 16 << 20) ?? "").split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let offset = Int64(parts[0]), let time = Int64(parts[1]) else {
                return nil
            }
            return (offset, time)
        }
    }
}
