import FoundationEssentials

/// What was downloaded into a folder from objects that declare no checksum, in a hidden file there: a file
/// that still has the SHA-256 that it was given, from an object that still has its ETag, need not be
/// downloaded again.
struct DownloadRecord: Codable, Sendable {
    struct Entry: Codable, Sendable {
        var etag: String
        var sha256: String
    }

    private static let fileName = ".downloads.json"

    /// By path relative to the folder.
    var entries: [String: Entry] = [:]

    /// Empty where there is none that can be read.
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
