import FoundationEssentials

/// A folder that was downloaded to the local disk.
public struct DownloadedFolder: Hashable, Sendable {
    /// Paths of the files, relative to the folder.
    public var paths: Set<String>
    /// Total size of the files in bytes.
    public var size: Int64
    /// Bytes that were downloaded; the rest was there already.
    public var transferred: Int64
    /// Digest, as `ContentDigest` defines it.
    public var sha256: String

    public var files: Int { paths.count }
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
            return ExpectedFile(path: path, size: entry.size, sha256: nil, etag: entry.etag)
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
            ExpectedFile(path: $0.path, size: $0.size, sha256: $0.sha256, etag: nil)
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
        /// Digest that the file must have; nil for that of the object's metadata, if it has any.
        var sha256: String?
        /// ETag that a listing told; nil if none did.
        var etag: String?
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
                paths: Set(files.map(\.path)), size: files.reduce(0) { $0 &+ $1.size },
                transferred: files.reduce(0) { $0 &+ $1.transferred }, sha256: sha256)
        }
    }

    private func download(
        _ files: [ExpectedFile], from folder: S3Location, to directory: String
    ) async throws(S3Error) -> Outcome {
        try FileTree.makeFolder(directory)
        let local = try LocalFolder(directory)
        let record = DownloadRecord(of: directory)
        let partSize = client.configuration.partSize
        var done: [Outcome.File] = []
        for (files, limit) in [
            (files.filter { $0.size <= partSize }, fileConcurrency),
            (files.filter { $0.size > partSize }, largeFileConcurrency),
        ] {
            done += try await concurrently(files, limit: limit) {
                (file) async throws(S3Error) -> Outcome.File in
                try await self.download(file, from: folder, to: local, record: record)
            }
        }
        var updated = record
        for file in done {
            updated.entries[file.path] = file.etag.map { DownloadRecord.Entry(etag: $0, sha256: file.sha256) }
        }
        do throws(S3Error) { try updated.save(of: directory) } catch {
            logger.notice("\(error.message); another download of '\(directory)' begins anew")
        }
        logger.info(
            "downloaded \(folder)",
            metadata: [
                "files": "\(done.count)", "bytes": "\(done.reduce(0) { $0 &+ $1.transferred })",
            ])
        return Outcome(files: done)
    }

    private func download(
        _ file: ExpectedFile, from folder: S3Location, to local: LocalFolder, record: DownloadRecord
    ) async throws(S3Error) -> Outcome.File {
        let source = folder.appending(file.path)
        if let kept = try await present(file, at: source, in: local, record: record) {
            logger.debug("'\(local.path)/\(file.path)' is there already")
            return kept
        }
        let result = try await client.download(
            source, as: file.path, in: local, size: file.size, sha256: file.sha256)
        logger.debug("downloaded \(source)", metadata: ["bytes": "\(result.size)"])
        let isDeclared = file.sha256 != nil || result.info.declaredSha256 != nil
        return Outcome.File(
            path: file.path, size: result.size, sha256: result.sha256, transferred: result.size,
            etag: isDeclared ? nil : result.info.etag)
    }

    /// The local file, if it has the content that it is to have; nil if there is none, or another.
    private func present(
        _ file: ExpectedFile, at source: S3Location, in local: LocalFolder, record: DownloadRecord
    ) async throws(S3Error) -> Outcome.File? {
        guard let status = local.status(of: file.path), status.kind == .file, status.size == file.size else {
            return nil
        }
        var wanted = file.sha256
        var etag: String?
        if wanted == nil {
            if let recorded = record.entries[file.path], recorded.etag == file.etag {
                (wanted, etag) = (recorded.sha256, recorded.etag)
            } else {
                wanted = try await client.head(source).declaredSha256
            }
        }
        guard let wanted else { return nil }
        let present = try local.file(reading: file.path)
        guard try await ContentDigest.sha256(of: present) == wanted else { return nil }
        return Outcome.File(
            path: file.path, size: file.size, sha256: wanted, transferred: 0, etag: etag)
    }
}
