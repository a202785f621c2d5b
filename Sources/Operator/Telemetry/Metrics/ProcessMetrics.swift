import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Metrics of a process on Linux from `/proc`, as Prometheus' clients report them.
public enum ProcessMetrics {
    public static let descriptions = [
        MetricDescription("process_cpu_seconds_total", .counter, "User and system CPU time, in seconds."),
        MetricDescription("process_resident_memory_bytes", .gauge, "Resident memory, in bytes."),
        MetricDescription("process_virtual_memory_bytes", .gauge, "Virtual memory, in bytes."),
        MetricDescription("process_open_fds", .gauge, "Open file descriptors."),
        MetricDescription("process_max_fds", .gauge, "File descriptors that may be open."),
        MetricDescription(
            "process_start_time_seconds", .gauge, "When the process was started, in seconds since 1970."),
    ]

    /// The metrics that can be read; the others are left out.
    @Sendable public static func collect() -> [MetricSample] {
        var samples: [MetricSample] = []
        if let stat = text(of: "/proc/self/stat") { samples += times(stat, boot: bootTime()) }
        if let statm = text(of: "/proc/self/statm") {
            let pages = statm.split(separator: " ").prefix(2).compactMap { Double($0) }
            let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
            if pages.count == 2 {
                samples.append(MetricSample("process_virtual_memory_bytes", value: pages[0] * pageSize))
                samples.append(MetricSample("process_resident_memory_bytes", value: pages[1] * pageSize))
            }
        }
        if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            // One of the files is the folder itself.
            samples.append(MetricSample("process_open_fds", value: Double(max(0, files.count - 1))))
        }
        var limit = rlimit()
        if getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            samples.append(MetricSample("process_max_fds", value: Double(limit.rlim_cur)))
        }
        return samples
    }

    /// CPU time and start from `/proc/PID/stat`: after the name in parentheses, fields 14 and 15 are CPU time
    /// and 22 is the start.
    static func times(_ stat: String, boot: Double?) -> [MetricSample] {
        guard let end = stat.lastIndex(of: ")") else { return [] }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        guard fields.count > 19, ticks > 0, let user = Double(fields[11]), let system = Double(fields[12]),
            let start = Double(fields[19])
        else { return [] }
        let cpu = MetricSample("process_cpu_seconds_total", value: (user + system) / ticks)
        guard let boot else { return [cpu] }
        return [cpu, MetricSample("process_start_time_seconds", value: boot + start / ticks)]
    }

    private static func bootTime() -> Double? {
        text(of: "/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst(6)) }
    }

    /// Reads a file to its end: those of `/proc` have no length.
    private static func text(of path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
