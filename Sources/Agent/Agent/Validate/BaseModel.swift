import AnnealAPI
import FoundationEssentials
import ObjectStorage

/// The model that training starts from, in S3.
struct BaseModel {
    /// Bytes of an address at most, as the schemas say.
    private static let addressLimit = 1024

    let client: S3Client
    let synchroniser: Synchroniser
    let model: StoredInput

    /// A model that is there, as declared, and looks as if it could be loaded.
    struct Validated: Equatable {
        /// Digest, as `ContentDigest` defines it.
        var sha256: String
        /// Folder of its files.
        var location: S3Location
    }

    /// Checks that the model is there, has the declared digest, and is whole. Files with a declared SHA-256
    /// are not read: `prepare` checks them against it.
    func validate() async throws -> Validated {
        do {
            let location = try S3Location(model.storageUri)
            let validated = try await validate(location)
            if let declared = model.sha256, declared.lowercased() != validated.sha256 {
                throw AgentFailure(
                    reason: "ChecksumMismatch",
                    message:
                        "model.sha256: '\(declared)' was declared, but \(validated.location) has "
                        + "'\(validated.sha256)'; correct the declaration, or upload the right model")
            }
            return validated
        } catch let error as S3Error {
            throw AgentFailure.naming(missing: "ModelNotFound", "model.storageUri", error)
        }
    }

    private func validate(_ location: S3Location) async throws -> Validated {
        let committed = try await synchroniser.manifest(of: location)
        let files = try await files(of: committed, at: location)
        if let snapshot = try await snapshot(in: location, files) {
            let inside = try await self.files(of: nil, at: snapshot)
            return try await validate(inside, at: snapshot)
        }
        guard let committed else { return try await validate(files, at: location) }
        try checkVersion(committed)
        guard try await synchroniser.verify(committed) else {
            throw AgentFailure(
                reason: "ChecksumMismatch",
                message:
                    "model.storageUri: the files below \(location) are not those of its manifest; upload the model "
                    + "again")
        }
        try await ModelFolder(client: client, location: location, files: files).check()
        return Validated(sha256: committed.sha256, location: location)
    }

    private func validate(_ files: [ModelFolder.File], at location: S3Location) async throws -> Validated {
        // What is small tells what is wrong; the rest is read only then.
        try await ModelFolder(client: client, location: location, files: files).check()
        var digests: [(path: String, sha256: String)] = []
        for file in files { digests.append((file.path, try await digest(of: location.appending(file.path)))) }
        return Validated(sha256: ContentDigest.folder(digests), location: location)
    }

    private func files(
        of committed: CommittedManifest?, at location: S3Location
    ) async throws -> [ModelFolder.File] {
        if let committed {
            return committed.manifest.files.map { ModelFolder.File(path: $0.path, size: $0.size) }
        }
        let entries = try await client.list(below: location)
        guard !entries.isEmpty else {
            throw AgentFailure(
                reason: "ModelNotFound",
                message: "model.storageUri: there is nothing below '\(location.folderPrefix)' in bucket "
                    + "'\(location.bucket)'; upload the model's folder (config.json, weights, tokenizer) or "
                    + "correct the address")
        }
        return try entries.map { entry in
            let path = String(entry.location.key.dropFirst(location.folderPrefix.count))
            try RelativePath.check(path, source: "model.storageUri")
            return ModelFolder.File(path: path, size: entry.size)
        }
    }

    /// The folder of the snapshot to train on, where the address is a cache of the hub's; nil where it is not.
    private func snapshot(
        in location: S3Location, _ files: [ModelFolder.File]
    ) async throws -> S3Location? {
        do {
            guard let cache = try HubCache(paths: files.map(\.path)) else { return nil }
            let reference = cache.root + "refs/main"
            var main: String?
            if files.contains(where: { $0.path == reference && $0.size <= 256 }) {
                let data = try await client.get(location.appending(reference), limit: 256)
                main = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).first
                    .map(String.init)
            }
            let snapshot = location.appending("\(cache.root)snapshots/\(try cache.revision(main: main))")
            guard "\(snapshot)".utf8.count <= Self.addressLimit else {
                throw HubCache.Refusal(
                    problem:
                        "is the hub's cache with an address longer than \(Self.addressLimit) bytes; upload "
                        + "snapshots/<revision>/ to a shorter one")
            }
            return snapshot
        } catch let refusal as HubCache.Refusal {
            throw AgentFailure(
                reason: "UnusableModel", message: "model.storageUri: '\(location)' \(refusal.problem)")
        }
    }

    private func checkVersion(_ committed: CommittedManifest) throws(AgentFailure) {
        guard let declared = model.version, let actual = committed.manifest.metadata["version"],
            declared != actual
        else { return }
        throw AgentFailure(
            reason: "VersionMismatch",
            message: "model.version: '\(declared)' was declared, but \(model.storageUri) says that it is "
                + "'\(actual)'; correct the declaration or the address")
    }

    private func digest(of location: S3Location) async throws(S3Error) -> String {
        if let declared = try await client.head(location).declaredSha256 { return declared }
        var reader = try await ObjectReader(client, location)
        var digest = StreamingDigest()
        while let chunk = try await reader.next() { digest.update(chunk) }
        return digest.finish()
    }
}
