import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

let diskFullErrno = ENOSPC
let quotaErrno = EDQUOT

/// An open file, which is closed when the value ends.
public struct LocalFile: ~Copyable, Sendable {
    public let descriptor: Int32
    public let path: String

    /// Properties that change when the file is written to.
    struct Fingerprint: Equatable {
        var size: Int64
        var modifiedSeconds: Int
        var modifiedNanoseconds: Int
        var inode: UInt64
    }

    /// Opens a regular file for reading; a symbolic link is refused, as it could lead out of the workspace.
    public init(reading path: String) throws(S3Error) {
        try self.init(open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), path, "open")
    }

    /// Creates a file, or empties one, for writing and reading.
    public init(creating path: String) throws(S3Error) {
        let flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC
        try self.init(open(path, flags, 0o644), path, "create")
    }

    /// Takes over what opening a file returned: its descriptor, or -1 and `errno`.
    init(_ descriptor: Int32, _ path: String, _ what: String) throws(S3Error) {
        guard descriptor >= 0 else {
            if errno == ELOOP {
                throw S3Error(.unsafePath, "'\(path)' is a symbolic link; put the file itself there")
            }
            throw Self.failure("\(what) '\(path)'")
        }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    static func failure(_ what: String) -> S3Error {
        let number = errno
        return S3Error(localFile: number, "\(what): \(String(cString: strerror(number)))")
    }

    func fingerprint() throws(S3Error) -> Fingerprint {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("look at '\(path)'") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw S3Error(.unsafePath, "'\(path)' is no regular file; only files can be uploaded")
        }
        return Fingerprint(
            size: Int64(status.st_size), modifiedSeconds: status.st_mtim.tv_sec,
            modifiedNanoseconds: status.st_mtim.tv_nsec, inode: UInt64(status.st_ino))
    }

    /// Size and inode, which tell a file that grew from one that was replaced.
    public func identity() throws(S3Error) -> (size: Int64, inode: UInt64) {
        let mark = try fingerprint()
        return (mark.size, mark.inode)
    }

    /// Size in bytes.
    public func size() throws(S3Error) -> Int64 { try fingerprint().size }

    /// Reserves space on the volume, so that a full disk shows before the transfer.
    func preallocate(_ size: Int64) throws(S3Error) {
        guard size > 0 else { return }
        let number = posix_fallocate(descriptor, 0, off_t(size))
        guard number == 0 else {
            throw S3Error(
                localFile: number, "reserve \(size) bytes for '\(path)': \(String(cString: strerror(number)))"
            )
        }
    }

    /// The file's content, for tasks that end before the file is closed.
    var content: FileContent { FileContent(descriptor: descriptor, path: path) }

    /// Reads up to `count` bytes at `offset`; empty at the end.
    public func chunk(at offset: Int64, count: Int) throws(S3Error) -> Data {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 16)
        defer { buffer.deallocate() }
        let length = try content.read(into: buffer, at: offset)
        return Data(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
    }

    /// Writes at the current position.
    public func write(_ bytes: some ContiguousBytes) throws(S3Error) {
        let failed = bytes.withUnsafeBytes { buffer -> Bool in
            var rest = buffer
            while let base = rest.baseAddress, rest.count > 0 {
                #if canImport(Glibc)
                let count = Glibc.write(descriptor, base, rest.count)
                #elseif canImport(Musl)
                let count = Musl.write(descriptor, base, rest.count)
                #else
                let count = Darwin.write(descriptor, base, rest.count)
                #endif
                if count < 0 {
                    if errno == EINTR { continue }
                    return true
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
            return false
        }
        if failed { throw Self.failure("write '\(path)'") }
    }

    /// Waits until the bytes are on the disk.
    public func synchronise() throws(S3Error) {
        guard fsync(descriptor) == 0 else { throw Self.failure("flush '\(path)'") }
    }

    /// Renames a file; one that has the new name is replaced.
    public static func rename(_ old: String, to new: String) throws(S3Error) {
        #if canImport(Glibc)
        let result = Glibc.rename(old, new)
        #elseif canImport(Musl)
        let result = Musl.rename(old, new)
        #else
        let result = Darwin.rename(old, new)
        #endif
        guard result == 0 else { throw failure("rename '\(old)' to '\(new)'") }
    }
}

/// Content of a file that someone else keeps open.
struct FileContent: Sendable {
    let descriptor: Int32
    let path: String

    /// Reads bytes at `offset` into `buffer`; returns their number, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(S3Error) -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw LocalFile.failure("read '\(path)'") }
        }
    }
}
