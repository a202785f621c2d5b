import AnnealAPI
import FoundationEssentials
import ObjectStorage

/// The model that training starts from, in S3.
struct BaseModel {
    let client: S3Client
    let synchroniser: Synchroniser
    let model: StoredInput

    /// Checks that the model is there and has the declared digest; returns the digest, as `ContentDigest`
    /// defines it. Files with a declared SHA-256 are not read: `prepare` checks them against it.
    func validate() async throws -> String {
        do {
            let location = try S3Location(model.storageUri)
            let digest = try await digest(location)
            if let declared = model.sha256, declared.lowercased() != digest {
                throw AgentFailure(
                    reason: "ChecksumMismatch",
                    message:
                        "model.sha256: '\(declared)' was declared, but \(model.storageUri) has '\(digest)'; "
                        + "correct the declaration, or upload the right model")
            }
            return digest
        } catch let error as S3Error {
            throw AgentFailure.naming(missing: "ModelNotFound", "model.storageUri", error)
        }
    }

    private func digest(_ location: S3Location) async throws -> String {
        if let committed = try await synchroniser.manifest(of: location) {
            try checkVersion(committed)
            guard try await synchroniser.verify(committed) else {
                throw AgentFailure(
                    reason: "ChecksumMismatch",
                    message:
                        "model.storageUri: the files below \(location) are not those of its manifest; upload "
                        + "the model again")
            }
            return committed.sha256
        }
        let entries = try await client.list(below: location)
        guard !entries.isEmpty else {
            throw AgentFailure(
                reason: "ModelNotFound",
                message: "model.storageUri: there is nothing below '\(location.folderPrefix)' in bucket "
                    + "'\(location.bucket)'; upload the model's folder (config.json, weights, tokenizer) or "
                    + "correct the address")
        }
        var digests: [(path: String, sha256: String)] = []
        for entry in entries {
            let path = String(entry.location.key.dropFirst(location.folderPrefix.count))
            try RelativePath.check(path, source: "model.storageUri")
            digests.append((path, try await digest(of: entry.location)))
        }
        return ContentDigest.folder(digests)
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
