import FoundationEssentials
import Logging

/// Moves folders between the disk and the store, so that a folder in the store is whole or absent: its
/// manifest is written after all files, and removed before them.
public struct Synchroniser: Sendable {
    public let client: S3Client
    /// Files that are transferred at once.
    public var fileConcurrency = 4
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
        let data: Data
        do { data = try await client.get(location, limit: Manifest.sizeLimit) } catch
            where error.code == .noSuchKey
        {
            return nil
        }
        let manifest = try Manifest(parsing: data, source: "\(location)")
        return CommittedManifest(location: folder, manifest: manifest, sha256: ContentDigest.sha256(data))
    }

    /// Whether every file of a manifest is in the store with its size and, if the store knows it, its
    /// SHA-256. Contents are checked when they are downloaded.
    public func verify(_ committed: CommittedManifest) async throws(S3Error) -> Bool {
        let client = client
        let results = try await concurrently(committed.manifest.files, limit: fileConcurrency) {
            (file) async throws(S3Error) -> Bool in
            let info = try await client.headIfExists(committed.location.appending(file.path))
            guard let info, info.size == file.size else { return false }
            return info.declaredSha256 == nil || info.declaredSha256 == file.sha256
        }
        return results.allSatisfy { $0 }
    }

    /// Removes a folder from the store, its manifest first, so that it is whole or absent at any moment.
    public func remove(_ folder: S3Location) async throws(S3Error) {
        try await client.delete(folder.appending(Manifest.fileName))
        let client = client
        _ = try await concurrently(try await client.list(below: folder).map(\.location), limit: 8) {
            (location) async throws(S3Error) -> Void in
            try await client.delete(location)
        }
    }
}
