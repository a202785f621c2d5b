import FoundationEssentials

/// A folder that was downloaded to the local disk.
public struct DownloadedFolder: Hashable, Sendable {
    public var files: Int
    /// Total size of the files in bytes.
    public var size: Int64
    /// Bytes that were downloaded; the rest was there already.
    public var transferred: Int64
    /// Digest, as `ContentDigest` defines it.
    public var sha256: String
}

extension Synchroniser {
    /// Downloads a folder, checked against its manifest if it has one. A local file that has the right
    /// content already is kept.
    ///
    /// - Parameter sha256: digest that the folder must have; nil for any.
    /// - Throws: `.noSuchKey` for a folder without files, `.checksumMismatch`, `.unsafePath`.
    public func download(
        _ folder: S3Location, to directory: String, sha256: String? = nil
    ) async throws(S3Error) -> DownloadedFolder {
        if let committed = try await manifest(of: folder) {
            try Self.check(committed.sha256, expected: sha256, of: folder, what: "manifest")
            return try await download(committed, to: directory)
        }
        let entries = try await client.list(below: folder)
        guard !entries.isEmpty else {
            throw S3Error(
                .noSuchKey,
                "there is nothing below '\(folder.folderPrefix)' in bucket '\(folder.bucket)'; upload it or "
                    + "correct the address")
        }
        let files = try entries.map { (entry) throws(S3Error) -> ExpectedFile in
            let path = String(entry.location.key.dropFirst(folder.folderPrefix.count))
            try RelativePath.check(path, source: "\(folder)")
            return ExpectedFile(path: path, size: entry.size, sha256: nil)
        }
        let result = try await download(files, from: folder, to: directory)
        try Self.check(result.digest, expected: sha256, of: folder, what: "files")
        return result.folder(sha256: result.digest)
    }

    /// Downloads the files that a manifest lists.
    public func download(
        _ committed: CommittedManifest, to directory: String
    ) async throws(S3Error) -> DownloadedFolder {
        let files = committed.manifest.files.map {
            ExpectedFile(path: $0.path, size: $0.size, sha256: $0.sha256)
        }
        return try await download(files, from: committed.location, to: directory)
            .folder(sha256: committed.sha256)
    }

    private static func check(
        _ actual: String, expected: String?, of folder: S3Location, what: String
    ) throws(S3Error) {
        guard let expected, expected != actual else { return }
        throw S3Error(
            .checksumMismatch,
            "\(folder): the SHA-256 of its \(what) is \(actual) instead of the declared \(expected); "
                + "upload the right content, or correct the declaration")
    }

    private struct ExpectedFile: Sendable {
        var path: String
        var size: Int64
        var sha256: String?
    }

    private struct Outcome: Sendable {
        struct File: Sendable {
            var path: String
            var size: Int64
            var sha256: String
            var transferred: Int64
            /// ETag of an object that declares no checksum.
            var etag: String?
        }
        var files: [File]

        var digest: String { ContentDigest.folder(files.map { ($0.path, $0.sha256) }) }

        func folder(sha256: String) -> DownloadedFolder {
            DownloadedFolder(
                files: files.count, size: files.reduce(0) { $0 &+ $1.size },
                transferred: files.reduce(0) { $0 &+ $1.transferred }, sha256: sha256)
        }
    }

    private func download(
        _ files: [ExpectedFile], from folder: S3Location, to directory: String
    ) async throws(S3Error) -> Outcome {
        try FileTree.makeFolder(directory)
        let record = DownloadRecord(folder: directory)
        let done = try await concurrently(files, limit: fileConcurrency) {
            (file) async throws(S3Error) -> Outcome.File in
            try await self.download(file, from: folder, to: directory, record: record)
        }
        var updated = record
        for file in done {
            updated.entries[file.path] = file.etag.map { DownloadRecord.Entry(etag: $0, sha256: file.sha256) }
        }
        try updated.save(in: directory)
        return Outcome(files: done)
    }

    private func download(
        _ file: ExpectedFile, from folder: S3Location, to directory: String, record: DownloadRecord
    ) async throws(S3Error) -> Outcome.File {
        let source = folder.appending(file.path)
        let path = "\(directory)/\(file.path)"
        var wanted = file.sha256
        var etag: String?
        var recorded: String?
        if wanted == nil {
            let info = try await client.head(source)
            wanted = info.declaredSha256
            if wanted == nil {
                etag = info.etag
                recorded = record.entries[file.path].flatMap { $0.etag == info.etag ? $0.sha256 : nil }
            }
        }
        if let known = wanted ?? recorded, try await digestOfLocal(path, size: file.size) == known {
            logger.debug("'\(path)' is there already")
            return Outcome.File(path: file.path, size: file.size, sha256: known, transferred: 0, etag: etag)
        }
        if let slash = path.lastIndex(of: "/") { try FileTree.makeFolder(String(path[..<slash])) }
        let result = try await client.download(source, to: path, size: file.size, sha256: wanted)
        logger.info("downloaded \(source)", metadata: ["bytes": "\(result.size)"])
        return Outcome.File(
            path: file.path, size: result.size, sha256: result.sha256, transferred: result.size, etag: etag)
    }

    /// The SHA-256 of a local file of that size; nil if there is none.
    private func digestOfLocal(_ path: String, size: Int64) async throws(S3Error) -> String? {
        guard try FileTree.kind(path) == .file else { return nil }
        let file = try LocalFile(reading: path)
        guard try file.size() == size else { return nil }
        return try await ContentDigest.sha256(of: file)
    }
}
