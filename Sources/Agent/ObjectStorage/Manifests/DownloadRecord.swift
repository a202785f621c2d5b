import FoundationEssentials

/// Record, in a hidden file of a folder, of files that were downloaded from objects without a declared
/// checksum. A file that still has the recorded SHA-256, from an object that still has the recorded ETag,
/// need not be downloaded again.
struct DownloadRecord: Codable, Sendable {
    struct Entry: Codable, Sendable {
        var etag: String
        var sha256: String
    }

    private static let fileName = ".downloads.json"

    /// Entries by path relative to the folder.
    var entries: [String: Entry] = [:]

    /// Reads the folder's record; it is empty if none can be read.
    init(folder: String) {
        guard let data = try? Data(contentsOf: URL(filePath: "\(folder)/\(Self.fileName)")),
            let record = try? JSONDecoder().decode(DownloadRecord.self, from: data)
        else { return }
        self = record
    }

    func save(in folder: String) throws(S3Error) {
        guard !entries.isEmpty, let data = try? JSONEncoder().encode(self) else { return }
        let path = "\(folder)/\(Self.fileName)"
        try LocalFile(creating: path + ".part").write(data)
        try LocalFile.rename(path + ".part", to: path)
    }
}
