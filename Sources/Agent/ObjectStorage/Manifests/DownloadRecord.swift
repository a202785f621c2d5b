import FoundationEssentials

/// Record of files of a folder that were downloaded from objects without a declared checksum. A file that
/// still has the recorded SHA-256, from an object that still has the recorded ETag, need not be downloaded
/// again. The record lies beside the folder: every name in the folder belongs to the one who filled it.
struct DownloadRecord: Codable, Sendable {
    struct Entry: Codable, Sendable {
        var etag: String
        var sha256: String
    }

    /// Entries by path relative to the folder.
    var entries: [String: Entry] = [:]

    /// Reads the record of a folder; it is empty if none can be read.
    init(of folder: String) {
        guard let data = try? Data(contentsOf: URL(filePath: Self.path(of: folder))),
            let record = try? JSONDecoder().decode(DownloadRecord.self, from: data)
        else { return }
        self = record
    }

    /// - Throws: the errors of writing. Without the record, only a later download takes longer.
    func save(of folder: String) throws(S3Error) {
        guard !entries.isEmpty, let data = try? JSONEncoder().encode(self) else { return }
        let path = Self.path(of: folder)
        try LocalFile(creating: path + ".part").write(data)
        try LocalFile.rename(path + ".part", to: path)
    }

    static func path(of folder: String) -> String {
        var folder = folder
        while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
        return folder + ".downloads.json"
    }
}
