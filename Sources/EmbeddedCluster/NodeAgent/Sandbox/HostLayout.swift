import FoundationEssentials

/// The parts of the host's root that a container sees: the usual system folders, as far as the host has them.
public struct HostLayout: Hashable, Sendable {
    public enum Entry: Hashable, Sendable {
        case folder(String)
        case file(String)
        /// A link, as `/bin` → `usr/bin` on a merged `/usr`.
        case link(String, target: String)
    }

    public var entries: [Entry]

    public init(entries: [Entry]) { self.entries = entries }

    /// Finds this host's `/usr`, the folders that belong to it, and the parts of `/etc` that programs need in
    /// order to start.
    public static func probe() -> HostLayout {
        let manager = FileManager.default
        var entries: [Entry] = []
        for path in [
            "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives",
            "/etc/ssl/certs", "/etc/ca-certificates", "/etc/ld.so.cache", "/etc/ld.so.conf",
            "/etc/ld.so.conf.d", "/etc/localtime", "/etc/services", "/etc/protocols", "/etc/mime.types",
            "/etc/nsswitch.conf", "/etc/resolv.conf",
        ] {
            let isTop = !path.hasPrefix("/etc/")
            if isTop, let target = try? manager.destinationOfSymbolicLink(atPath: path) {
                entries.append(.link(path, target: target))
                continue
            }
            var isFolder = false
            guard manager.fileExists(atPath: path, isDirectory: &isFolder) else { continue }
            entries.append(isFolder ? .folder(path) : .file(path))
        }
        if let folder = swiftRuntimeFolder { entries.append(.folder(folder)) }
        return HostLayout(entries: entries)
    }

    /// Folder of this program's Swift libraries if it is outside of `/usr`, otherwise nil: Anneal's other
    /// programs were built with the same libraries.
    private static var swiftRuntimeFolder: String? {
        let line = (ProcessTable.read("/proc/self/maps", limit: 4 << 20) ?? "").split(separator: "\n")
            .first { $0.hasSuffix("/libswiftCore.so") }
        guard let line, let start = line.firstIndex(of: "/"), let end = line.lastIndex(of: "/") else {
            return nil
        }
        let folder = String(line[start..<end])
        return folder.hasPrefix("/usr/") ? nil : folder
    }
}
