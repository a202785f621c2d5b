import FoundationEssentials
import Logging

/// Moves folders between the disk and the store, so that a folder in the store is whole or absent: its
/// manifest is written after all files, and removed before them.
public struct Synchroniser: Sendable {
    public let client: S3Client
    /// Small files, and requests without content, that are under way at once.
    public var fileConcurrency = 24
    /// Files that are cut into parts and are transferred at once; each part is a request of its own.
    public var largeFileConcurrency = 2
    let now: @Sendable () -> Date
    let logger: Logger

    public init(client: S3Client, now: @escaping @Sendable () -> Date = { Date() }, logger: Logger) {
        self.client = client
        self.now = now
        self.logger = logger
    }

    /// The manifest of a folder in the store; nil if there is none.
    public func manifest(of folder: S3Location) async throws(S3Error) -> CommittedManifest? {
        let location = folder.appending(Manifest.fileName)
        if let data = try await getIfExists(location) {
            let manifest = try Manifest(parsing: data, source: "\(location)")
            return CommittedManifest(
                location: folder, manifest: manifest, sha256: ContentDigest.sha256(data))
        }
        return try await formerManifest(of: folder)
    }

    /// A manifest under its former name; nil if there is none, or only a file of someone else's.
    func formerManifest(of folder: S3Location) async throws(S3Error) -> CommittedManifest? {
        let location = folder.appending(Manifest.formerFileName)
        let data: Data?
        do { data = try await getIfExists(location) } catch
            where error.code == .refused(status: 200, code: S3Error.tooLarge)
        {
            return nil
        }
        guard let data, let manifest = try Manifest(parsingFormer: data, source: "\(location)") else {
            return nil
        }
        return CommittedManifest(location: folder, manifest: manifest, sha256: ContentDigest.sha256(data))
    }

    private func getIfExists(_ location: S3Location) async throws(S3Error) -> Data? {
        do { return try await client.get(location, limit: Manifest.sizeLimit) } catch
            where error.code == .noSuchKey
        {
            return nil
        }
    }

    /// Whether every file of a manifest is in the store with its size and, if the store knows it, its
    /// SHA-256. Contents are checked when they are downloaded.
    public func verify(_ committed: CommittedManifest) async throws(S3Error) -> Bool {
        let results = try await concurrently(committed.manifest.files, limit: fileConcurrency) {
            (file) async throws(S3Error) -> Bool in
            try await self.verify(file, in: committed.location)
        }
        return results.allSatisfy { $0 }
    }

    func verify(_ file: Manifest.File, in folder: S3Location) async throws(S3Error) -> Bool {
        let info = try await client.headIfExists(folder.appending(file.path))
        guard let info, info.size == file.size else { return false }
        return info.declaredSha256 == nil || info.declaredSha256 == file.sha256
    }

    /// Removes a folder from the store, its manifest first, so that it is whole or absent at any moment.
    public func remove(_ folder: S3Location) async throws(S3Error) {
        try await client.delete(folder.appending(Manifest.fileName))
        try await client.delete(folder.appending(Manifest.formerFileName))
        let client = client
        _ = try await concurrently(
            try await client.list(below: folder).map(\.location), limit: fileConcurrency
        ) {
            (location) async throws(S3Error) -> Void in
            try await client.delete(location)
        }
    }
    /// Removes the parts of multipart uploads below a folder that nobody finishes any more. They cost space and
    /// nothing else, and not every store tells of them, so that a refusal is no failure.
    ///
    /// - Parameter isOver: whether the one who began an upload has ended, told by the path below the folder.
    public func abortUploads(
        below folder: S3Location, where isOver: (_ path: String) -> Bool = { _ in true }
    ) async {
        do throws(S3Error) {
            let length = folder.folderPrefix.count
            for upload in try await client.unfinishedUploads(below: folder)
            where isOver(String(upload.location.key.dropFirst(length))) {
                try await client.abort(upload)
                logger.notice("removed an unfinished upload of \(upload.location)")
            }
        } catch {
            let consequence = "they may stay until a lifecycle rule of the bucket removes them"
            logger.notice("\(error.message); \(consequence)")
        }
    }
}
