import FoundationEssentials

/// Properties of an upload that its manifest states.
public struct UploadDescription: Hashable, Sendable {
    /// UID of the run.
    public var run: String
    public var attempt: Int
    public var step: Int64?
    public var metadata: [String: String]

    public init(run: String, attempt: Int, step: Int64? = nil, metadata: [String: String] = [:]) {
        self.run = run
        self.attempt = attempt
        self.step = step
        self.metadata = metadata
    }
}

extension Synchroniser {
    /// Uploads the files below a local folder and commits them with a manifest. Idempotent: files that are
    /// there already are not sent again, and a commit of the same content by the same attempt stays as it is.
    ///
    /// - Throws: `.newerAttempt` if a newer attempt of the run has committed here.
    public func upload(
        _ directory: String, to folder: S3Location, _ description: UploadDescription
    ) async throws(S3Error) -> CommittedManifest {
        let existing = try await existingManifest(of: folder)
        if let existing, existing.manifest.run == description.run,
            existing.manifest.attempt > description.attempt
        {
            throw S3Error(
                .newerAttempt(existing.manifest.attempt),
                "\(folder) holds the result of attempt \(existing.manifest.attempt), and this is attempt "
                    + "\(description.attempt); an older attempt must not replace it")
        }
        let files = try await digestedFiles(below: directory)
        if let existing, existing.manifest.describes(files, description), try await verify(existing) {
            logger.info("\(folder) is there already", metadata: ["manifest": "\(existing.sha256)"])
            return existing
        }
        if existing != nil { try await client.delete(folder.appending(Manifest.fileName)) }
        _ = try await concurrently(files, limit: fileConcurrency) { (file) async throws(S3Error) -> Void in
            try await self.upload(file, from: directory, to: folder)
        }
        return try await commit(files, to: folder, description)
    }

    /// The folder's manifest; nil if there is none. One that cannot be read commits nothing, and is replaced.
    private func existingManifest(of folder: S3Location) async throws(S3Error) -> CommittedManifest? {
        do { return try await manifest(of: folder) } catch
            where error.code == .invalidManifest || error.code == .unsafePath
        {
            logger.warning("\(error.message); it is replaced")
            try await client.delete(folder.appending(Manifest.fileName))
            return nil
        }
    }

    private func digestedFiles(below directory: String) async throws(S3Error) -> [Manifest.File] {
        var files: [Manifest.File] = []
        for path in try FileTree.files(below: directory) where path != Manifest.fileName {
            try RelativePath.check(path, source: "the folder '\(directory)'")
            let file = try LocalFile(reading: "\(directory)/\(path)")
            let size = try file.size()
            files.append(
                Manifest.File(path: path, size: size, sha256: try await ContentDigest.sha256(of: file)))
        }
        return files
    }

    private func upload(
        _ file: Manifest.File, from directory: String, to folder: S3Location
    ) async throws(S3Error) {
        let target = folder.appending(file.path)
        if let info = try await client.headIfExists(target), info.size == file.size,
            info.declaredSha256 == file.sha256
        {
            logger.debug("\(target) is there already")
            return
        }
        try await client.upload(file: "\(directory)/\(file.path)", to: target, sha256: file.sha256)
        logger.info("uploaded \(target)", metadata: ["bytes": "\(file.size)"])
    }

    private func commit(
        _ files: [Manifest.File], to folder: S3Location, _ description: UploadDescription
    ) async throws(S3Error) -> CommittedManifest {
        let manifest = Manifest(
            run: description.run, attempt: description.attempt, step: description.step,
            createdAt: now().formatted(.iso8601), files: files, metadata: description.metadata)
        let data = try manifest.serialized()
        let committed = CommittedManifest(
            location: folder, manifest: manifest, sha256: ContentDigest.sha256(data))
        guard try await verify(committed) else {
            throw S3Error(
                .objectChanged,
                "\(folder): a file that was uploaded is not in the store as it was sent; is anyone else "
                    + "writing there?")
        }
        try await client.put(
            data, to: folder.appending(Manifest.fileName), contentType: "application/json")
        logger.info(
            "committed \(folder)",
            metadata: [
                "files": "\(files.count)", "bytes": "\(manifest.totalSize)",
                "manifest": "\(committed.sha256)",
            ])
        return committed
    }
}

extension Manifest {
    /// Whether committing `files` would write this manifest, apart from the time.
    fileprivate func describes(_ files: [File], _ description: UploadDescription) -> Bool {
        let other = Manifest(
            run: description.run, attempt: description.attempt, step: description.step, createdAt: createdAt,
            files: files, metadata: description.metadata)
        return self == other
    }
}
