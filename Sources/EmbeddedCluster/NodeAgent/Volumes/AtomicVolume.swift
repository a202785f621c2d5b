import FoundationEssentials
import Glibc
import KubernetesAPI

/// A folder whose files change all at once, as the kubelet writes volumes of Secrets, ConfigMaps, tokens and
/// fields (`pkg/volume/util/atomic_writer.go`): they lie in a folder of their own, to which the link `..data` leads,
/// and each name of the volume is a link into that. A new version is a new folder and one rename.
struct AtomicVolume: Sendable {
    /// Name of the link to the present version.
    private static let data = "..data"

    let root: String

    /// Makes the volume's files these, and no others; does nothing if they are.
    func write(_ files: [VolumeFile]) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: root, withIntermediateDirectories: true)
        let former = try? manager.destinationOfSymbolicLink(atPath: "\(root)/\(Self.data)")
        guard former == nil || !isPresent(files) else { return }
        let version = "..\(UInt64.random(in: 0 ... .max))"
        try manager.createDirectory(atPath: "\(root)/\(version)", withIntermediateDirectories: false)
        for file in files { try write(file, below: "\(root)/\(version)") }
        try link("\(Self.data)_tmp", to: version)
        guard rename("\(root)/\(Self.data)_tmp", "\(root)/\(Self.data)") == 0 else {
            throw SystemCallError(call: "renaming \(root)/\(Self.data)_tmp", code: errno)
        }
        let names = Set(files.compactMap { $0.path.split(separator: "/").first.map(String.init) })
        for name in names { try show(name) }
        for entry in try manager.contentsOfDirectory(atPath: root)
        where !names.contains(entry) && entry != Self.data && entry != version {
            try manager.removeItem(atPath: "\(root)/\(entry)")
        }
    }

    /// Whether the present version has these files and no others.
    private func isPresent(_ files: [VolumeFile]) -> Bool {
        let folder = "\(root)/\(Self.data)/"
        let manager = FileManager.default
        let paths = (manager.subpaths(atPath: folder) ?? []).filter { path in
            var info = stat()
            return stat(folder + path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
        }
        return Set(paths) == Set(files.map(\.path))
            && files.allSatisfy { file in
                var info = stat()
                return stat(folder + file.path, &info) == 0 && Int(info.st_mode & 0o777) == file.mode
                    && manager.contents(atPath: folder + file.path) == file.contents
            }
    }

    private func write(_ file: VolumeFile, below folder: String) throws {
        let path = "\(folder)/\(file.path)"
        let manager = FileManager.default
        try manager.createDirectory(
            at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try file.contents.write(to: URL(filePath: path))
        try manager.setAttributes([.posixPermissions: file.mode], ofItemAtPath: path)
    }

    /// Makes a name of the volume lead into the present version.
    private func show(_ name: String) throws {
        let target = "\(Self.data)/\(name)"
        let path = "\(root)/\(name)"
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == target { return }
        try? FileManager.default.removeItem(atPath: path)
        try link(name, to: target)
    }

    private func link(_ name: String, to target: String) throws {
        let path = "\(root)/\(name)"
        unlink(path)
        guard symlink(target, path) == 0 else {
            throw SystemCallError(call: "linking \(path)", code: errno)
        }
    }
}
