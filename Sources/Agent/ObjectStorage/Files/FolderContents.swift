import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The files below a local folder, hidden ones included, and what is there but cannot be taken along.
///
/// A link that stays in the folder counts as what it leads to, under the path of the link. One that leaves
/// the folder, leads nowhere or leads back into itself is refused; so are sockets, pipes, devices, and names
/// that a store cannot keep. None of them hides the others.
public struct FolderContents: Sendable {
    public struct File: Hashable, Sendable {
        /// Path relative to the folder.
        public var path: String
        /// Path relative to the folder on which there is no link.
        var source: String
        /// Size in bytes.
        public var size: Int64
    }

    /// Something that is no file, or may not be read as one.
    public struct Refusal: Hashable, Sendable, CustomStringConvertible {
        /// Path relative to the folder.
        public var path: String
        /// Cause, as the end of a sentence: "is a socket".
        public var reason: String

        public var description: String { "'\(path)' \(reason)" }
    }

    static let depthLimit = 32
    private static let fileLimit = 100_000

    let folder: LocalFolder
    /// Files, sorted by the bytes of their path.
    public var files: [File] = []
    /// What is refused, sorted by the bytes of its path.
    public private(set) var refused: [Refusal] = []

    /// Looks through a folder.
    ///
    /// - Throws: `.unsafePath` for more files than a manifest takes, and the errors of reading folders.
    public init(of path: String) throws(S3Error) {
        folder = try LocalFolder(path)
        guard let real = Self.realPath(path) else { throw LocalFile.failure("look at '\(path)'") }
        var walk = FolderWalk(folder: folder, realPath: real)
        try walk.run(fileLimit: Self.fileLimit)
        files = walk.files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        refused = walk.refused.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// Refuses the file of that path, if there is one.
    mutating func refuse(_ path: String, _ reason: String) {
        guard let index = files.firstIndex(where: { $0.path == path }) else { return }
        files.remove(at: index)
        refused.append(Refusal(path: path, reason: reason))
    }

    /// Words for what is refused, 600 characters or so at most: the first of them, and how many more there
    /// are. Nil if nothing is.
    public var refusal: String? {
        guard var text = refused.first?.description else { return nil }
        var named = 1
        for next in refused.dropFirst() {
            guard text.count + next.description.count < 600 else { break }
            text += ", \(next)"
            named += 1
        }
        return refused.count > named ? "\(text), and \(refused.count - named) more" : text
    }

    /// The path with all links resolved; nil if it leads nowhere.
    fileprivate static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }
}

/// One walk through a folder.
private struct FolderWalk {
    private struct Visit {
        var path: String
        /// The folder's path without links.
        var source: String
        /// Folders that this one is in, and itself.
        var ancestors: [FileStatus.Identity]
    }

    let folder: LocalFolder
    let realPath: String
    var files: [FolderContents.File] = []
    var refused: [FolderContents.Refusal] = []
    private var pending: [Visit] = []

    init(folder: LocalFolder, realPath: String) {
        self.folder = folder
        self.realPath = realPath
    }

    mutating func run(fileLimit: Int) throws(S3Error) {
        let root = FileStatus(folder.path + "/.")
        pending = [Visit(path: "", source: "", ancestors: root.map { [$0.identity] } ?? [])]
        var visited = 0
        while let visit = pending.popLast() {
            visited += 1
            for name in try folder.names(in: visit.source) { take(name, in: visit) }
            guard files.count + refused.count + visited <= fileLimit else {
                throw S3Error(
                    .unsafePath,
                    "'\(folder.path)' holds more than \(fileLimit) files; pack them into fewer")
            }
        }
    }

    private mutating func take(_ name: [UInt8], in visit: Visit) {
        // A name that is not UTF-8 is told as well as it can be.
        let text = String(decoding: name, as: UTF8.self)
        let path = visit.path.isEmpty ? text : "\(visit.path)/\(text)"
        guard text.utf8.elementsEqual(name), RelativePath.isPlain(path) else {
            return refuse(
                path, "has a name that a store cannot keep; use UTF-8 without '\\' and control characters")
        }
        let source = visit.source.isEmpty ? text : "\(visit.source)/\(text)"
        // A file that is gone by now is none.
        guard let status = folder.status(of: source) else { return }
        if status.kind == .link {
            follow(path, source, visit)
        } else {
            take(path, source, status, visit)
        }
    }

    private mutating func take(_ path: String, _ source: String, _ status: FileStatus, _ visit: Visit) {
        switch status.kind {
        case .file: files.append(FolderContents.File(path: path, source: source, size: status.size))
        case .folder:
            guard !visit.ancestors.contains(status.identity) else {
                return refuse(path, "is a link to a folder that it is in itself")
            }
            guard visit.ancestors.count < FolderContents.depthLimit else {
                return refuse(path, "is nested deeper than \(FolderContents.depthLimit) folders")
            }
            pending.append(Visit(path: path, source: source, ancestors: visit.ancestors + [status.identity]))
        case .socket: refuse(path, "is a socket")
        case .pipe: refuse(path, "is a named pipe")
        case .device: refuse(path, "is a device")
        case .link, .missing: refuse(path, "is a link that changes while it is read")
        }
    }

    private mutating func follow(_ path: String, _ source: String, _ visit: Visit) {
        guard let target = FolderContents.realPath("\(realPath)/\(source)") else {
            let text = errno == ELOOP ? "leads back to itself" : "leads nowhere"
            return refuse(path, "is a link that \(text)")
        }
        let prefix = realPath.hasSuffix("/") ? realPath : realPath + "/"
        guard target.hasPrefix(prefix) else {
            let isAbove = prefix.hasPrefix(target.hasSuffix("/") ? target : target + "/")
            return refuse(
                path,
                isAbove
                    ? "is a link to a folder that it is in itself"
                    : "is a link that leads out of the folder, to '\(target.prefix(100))'; put the file itself there"
            )
        }
        let inside = String(target.dropFirst(prefix.count))
        guard let status = folder.status(of: inside) else {
            return refuse(path, "is a link that changes while it is read")
        }
        take(path, inside, status, visit)
    }

    private mutating func refuse(_ path: String, _ reason: String) {
        let shown = String(
            String.UnicodeScalarView(
                path.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
        refused.append(FolderContents.Refusal(path: String(shown.prefix(200)), reason: reason))
    }
}
