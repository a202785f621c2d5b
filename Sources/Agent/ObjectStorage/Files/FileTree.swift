import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Folders and files of the local disk, by path.
public enum FileTree {
    public enum Kind: Hashable, Sendable { case file, folder, link, socket, pipe, device, missing }

    /// Kind of the file at a path; links are not followed.
    public static func kind(_ path: String) throws(S3Error) -> Kind {
        if let status = FileStatus(path) { return status.kind }
        guard errno == ENOENT || errno == ENOTDIR else { throw LocalFile.failure("look at '\(path)'") }
        return .missing
    }

    /// Size and time of change of a file.
    public struct Stamp: Hashable, Sendable {
        /// Size in bytes.
        public var size: Int64
        public var modified: Date
    }

    /// The stamp of the file at a path; nil if there is none.
    public static func stamp(_ path: String) -> Stamp? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let modified = attributes[.modificationDate] as? Date
        else { return nil }
        return Stamp(size: (attributes[.size] as? Int64) ?? 0, modified: modified)
    }

    /// The names in a folder, in no particular order.
    public static func names(in folder: String) throws(S3Error) -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw LocalFile.failure("list '\(folder)'")
        }
    }

    /// Makes a folder and those above it.
    public static func makeFolder(_ path: String) throws(S3Error) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw LocalFile.failure("make the folder '\(path)'")
        }
    }

    /// Removes a file, or a folder with its contents, if it exists.
    public static func remove(_ path: String) throws(S3Error) {
        guard try kind(path) != .missing else { return }
        do { try FileManager.default.removeItem(atPath: path) } catch {
            throw LocalFile.failure("remove '\(path)'")
        }
    }

    /// Removes the contents of a folder but not the folder, which may be the root of a volume.
    public static func empty(_ folder: String) throws(S3Error) {
        guard try kind(folder) == .folder else { return }
        for name in try names(in: folder) { try remove("\(folder)/\(name)") }
    }

    /// Removes everything below a folder but files of the given paths, which are relative to it. Links are
    /// removed, not followed.
    public static func removeAll(below folder: String, except kept: Set<String>) throws(S3Error) {
        var folders: Set<Substring> = []
        for path in kept {
            for (index, byte) in zip(path.utf8.indices, path.utf8) where byte == UInt8(ascii: "/") {
                folders.insert(path[..<index])
            }
        }
        var pending = [""]
        while let path = pending.popLast() {
            for name in try names(in: "\(folder)/\(path)") {
                let child = path.isEmpty ? name : "\(path)/\(name)"
                switch try kind("\(folder)/\(child)") {
                case .file where kept.contains(child): continue
                case .folder where folders.contains(child[...]): pending.append(child)
                default: try remove("\(folder)/\(child)")
                }
            }
        }
    }
}
