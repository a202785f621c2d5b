import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder of the local disk that is held open. Files are opened beneath its descriptor, one segment of the
/// path at a time, and no link is followed: one that is put in the way at the last moment leads nowhere.
public final class LocalFolder: Sendable {
    let descriptor: Int32
    /// Path by which the folder was opened.
    public let path: String

    public init(_ path: String) throws(S3Error) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LocalFile.failure("open the folder '\(path)'") }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// Opens a regular file for reading.
    ///
    /// - Throws: `.unsafePath` for a link, or a path through one.
    func file(reading name: String) throws(S3Error) -> LocalFile {
        try within(name) { (folder, last) throws(S3Error) -> LocalFile in
            try LocalFile(
                openat(folder, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), whole(name), "open")
        }
    }

    /// Creates a file, or empties one, for writing and reading, and makes the folders above it.
    func file(creating name: String) throws(S3Error) -> LocalFile {
        try within(name, makingFolders: true) { (folder, last) throws(S3Error) -> LocalFile in
            let flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC
            return try LocalFile(openat(folder, last, flags, 0o644), whole(name), "create")
        }
    }

    /// Gives a file another name in its folder; one that has that name is replaced.
    ///
    /// - Parameter other: the new last segment.
    func rename(_ name: String, to other: String) throws(S3Error) {
        try within(name) { (folder, last) throws(S3Error) -> Void in
            guard renameat(folder, last, folder, other) == 0 else {
                throw LocalFile.failure("rename '\(whole(name))' to '\(other)'")
            }
        }
    }

    /// Removes a file, if it exists.
    func remove(_ name: String) {
        try? within(name) { (folder, last) throws(S3Error) -> Void in _ = unlinkat(folder, last, 0) }
    }

    /// Properties of the file or folder at a path; nil if there is none, or only through a link.
    func status(of name: String) -> FileStatus? {
        try? within(name) { (folder, last) throws(S3Error) -> FileStatus in
            guard let status = FileStatus(last, in: folder) else {
                throw LocalFile.failure("look at '\(whole(name))'")
            }
            return status
        }
    }

    /// Names in a folder below this one as bytes, in no particular order. An empty path stands for the folder
    /// itself.
    func names(in name: String) throws(S3Error) -> [[UInt8]] {
        try within(name, allowingItself: true) { (folder, last) throws(S3Error) -> [[UInt8]] in
            let opened = openat(folder, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard opened >= 0, let stream = fdopendir(opened) else {
                let error = LocalFile.failure("list '\(whole(name))'")
                if opened >= 0 { close(opened) }
                throw error
            }
            defer { closedir(stream) }
            var names: [[UInt8]] = []
            errno = 0
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
                if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
                errno = 0
            }
            guard errno == 0 else { throw LocalFile.failure("list '\(whole(name))'") }
            return names
        }
    }

    private func whole(_ name: String) -> String { name.isEmpty ? path : "\(path)/\(name)" }

    /// Calls `body` with the descriptor of the folder that a path's last segment is in, and that segment.
    private func within<Value: ~Copyable>(
        _ name: String, makingFolders: Bool = false, allowingItself: Bool = false,
        _ body: (_ folder: Int32, _ last: String) throws(S3Error) -> Value
    ) throws(S3Error) -> Value {
        if name.isEmpty, allowingItself { return try body(descriptor, ".") }
        var segments = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard !segments.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }),
            let last = segments.popLast()
        else {
            throw S3Error(.unsafePath, "'\(name)' is no plain path below '\(path)'")
        }
        var folder = descriptor
        defer { if folder != descriptor { close(folder) } }
        for segment in segments {
            let next = try Self.descend(folder, segment, makingFolders: makingFolders, of: whole(name))
            if folder != descriptor { close(folder) }
            folder = next
        }
        return try body(folder, last)
    }

    private static func descend(
        _ folder: Int32, _ segment: String, makingFolders: Bool, of path: String
    ) throws(S3Error) -> Int32 {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var next = openat(folder, segment, flags)
        if next < 0, errno == ENOENT, makingFolders {
            // Another task may have made it meanwhile.
            _ = mkdirat(folder, segment, 0o755)
            next = openat(folder, segment, flags)
        }
        guard next >= 0 else {
            if errno == ELOOP || errno == ENOTDIR {
                throw S3Error(
                    .unsafePath,
                    "'\(path)' leads through '\(segment)', which is a link or a file; remove that or put a "
                        + "folder there")
            }
            throw LocalFile.failure("open the folder '\(segment)' of '\(path)'")
        }
        return next
    }
}

/// Properties of a file; those of a link, not of what it leads to.
struct FileStatus: Hashable, Sendable {
    /// What tells a file from all others of the machine.
    struct Identity: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
    }

    var kind: FileTree.Kind
    /// Size in bytes.
    var size: Int64
    var identity: Identity

    /// - Parameter folder: descriptor of the folder that a relative path begins at.
    /// - Returns: nil if there is no such file.
    init?(_ path: String, in folder: Int32 = AT_FDCWD) {
        var status = stat()
        guard fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            case S_IFSOCK: .socket
            case S_IFIFO: .pipe
            default: .device
            }
        size = Int64(status.st_size)
        identity = Identity(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
    }
}
