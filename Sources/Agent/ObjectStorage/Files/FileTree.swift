import FoundationEssentials

/// The files below a local folder.
public enum FileTree {
    private static let depthLimit = 32
    private static let fileLimit = 100_000

    /// Paths of files relative to `folder`, sorted by bytes. Names that begin with a dot are left out; a
    /// symbolic link is refused, as it could lead out of the folder.
    public static func files(below folder: String) throws(S3Error) -> [String] {
        var found: [String] = []
        var pending = [(path: "", depth: 0)]
        while let (path, depth) = pending.popLast() {
            guard depth < depthLimit else {
                throw S3Error(.unsafePath, "'\(folder)/\(path)' is nested deeper than \(depthLimit) folders")
            }
            for name in try names(in: path.isEmpty ? folder : "\(folder)/\(path)") where !name.hasPrefix(".")
            {
                let child = path.isEmpty ? name : "\(path)/\(name)"
                switch try kind("\(folder)/\(child)") {
                case .folder: pending.append((child, depth + 1))
                case .file: found.append(child)
                case .link:
                    throw S3Error(
                        .unsafePath, "'\(folder)/\(child)' is a symbolic link; put the file itself there")
                case .missing, .other: continue
                }
            }
            guard found.count <= fileLimit else {
                throw S3Error(.unsafePath, "'\(folder)' holds more than \(fileLimit) files")
            }
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    public enum Kind: Sendable { case file, folder, link, other, missing }

    /// Kind of the file at a path; links are not followed.
    public static func kind(_ path: String) throws(S3Error) -> Kind {
        guard let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        else { return .missing }
        return switch type {
        case .typeRegular: .file
        case .typeDirectory: .folder
        case .typeSymbolicLink: .link
        default: .other
        }
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
}
