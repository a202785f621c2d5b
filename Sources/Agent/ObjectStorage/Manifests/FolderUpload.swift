import FoundationEssentials

/// Properties of an upload that its manifest states.
public struct UploadDescription: Hashable, Sendable {
    /// UID of the run.
    public var run: String
    public var attempt: Int
    public var step: Int64?
    public var metadata: [String: String]
    /// Whether other attempts write to the folder too: then an older one must not replace what a newer one has
    /// committed. In a folder of the attempt's own, another number in a manifest is wrong, and stops nothing.
    public var isShared: Bool

    public init(
        run: String, attempt: Int, step: Int64? = nil, metadata: [String: String] = [:], isShared: Bool = true
    ) {
        self.run = run
        self.attempt = attempt
        self.step = step
        self.metadata = metadata
        self.isShared = isShared
    }
}

extension Synchroniser {
    /// Uploads all files below a local folder and commits them with a manifest. Idempotent: files that are
    /// there already are not sent again, and a commit of the same content by the same attempt stays as it is.
    ///
    /// - Throws: `.unsafePath`, and then nothing was uploaded, if the folder holds anything that cannot be
    ///   uploaded; `.newerAttempt` if a newer attempt of the run has committed here.
    public func upload(
        _ directory: String, to folder: S3Location, _ description: UploadDescription
    ) async throws(S3Error) -> CommittedManifest {
        var contents = try FolderContents(of: directory)
        contents.refuseReserved()
        if let refusal = contents.refusal {
            throw S3Error(.unsafePath, "'\(directory)' cannot be uploaded as a whole: \(refusal)")
        }
        return try await upload(contents, to: folder, description)
    }

    /// Uploads the files of a folder, and commits them with a manifest, whatever else the folder holds.
    ///
    /// - Throws: `.newerAttempt` if a newer attempt of the run has committed here.
    public func upload(
        _ contents: FolderContents, to folder: S3Location, _ description: UploadDescription
    ) async throws(S3Error) -> CommittedManifest {
        let existing = try await existingManifest(of: folder)
        if let existing, description.isShared, existing.manifest.run == description.run,
            existing.manifest.attempt > description.attempt
        {
            throw S3Error(
                .newerAttempt(existing.manifest.attempt),
                "\(folder) holds the result of attempt \(existing.manifest.attempt), and this is attempt "
                    + "\(description.attempt); an older attempt must not replace it. If the run never had such an "
                    + "attempt, delete \(folder.appending(Manifest.fileName))")
        }
        if let existing {
            let files = try await digests(of: contents)
            if existing.manifest.describes(files, description), try await verify(existing) {
                logger.info("\(folder) is there already", metadata: ["manifest": "\(existing.sha256)"])
                return existing
            }
            try await withdraw(folder)
        }
        let stored = try await objects(below: folder)
        await removeStrays(among: stored, of: contents, in: folder)
        let sent = try await send(contents, to: folder, stored: stored)
        return try await commit(sent, to: folder, description)
    }

    /// Removes objects that are no files of the folder: an earlier attempt, which did not get as far as its
    /// manifest, has sent them. They would only be in the way of people, so that a refusal is no failure.
    private func removeStrays(
        among stored: [String: ObjectPage.Entry], of contents: FolderContents, in folder: S3Location
    ) async {
        let wanted = Set(contents.files.map(\.path))
        let strays = stored.keys.filter { !wanted.contains($0) && RelativePath.isPlain($0) }
        guard !strays.isEmpty else { return }
        let client = client
        do throws(S3Error) {
            _ = try await concurrently(strays, limit: fileConcurrency) {
                (path) async throws(S3Error) -> Void in
                try await client.delete(folder.appending(path))
            }
            logger.notice("removed \(strays.count) files from \(folder), which an earlier attempt left")
        } catch {
            logger.warning("\(error.message); \(folder) keeps files that an earlier attempt left")
        }
    }

    /// The folder's manifest; nil if there is none. One that cannot be read commits nothing, and is removed.
    private func existingManifest(of folder: S3Location) async throws(S3Error) -> CommittedManifest? {
        do { return try await manifest(of: folder) } catch
            where error.code == .invalidManifest || error.code == .unsafePath
        {
            logger.warning("\(error.message); it is replaced")
            try await client.delete(folder.appending(Manifest.fileName))
            return nil
        }
    }

    /// Removes a folder's manifest, so that the folder counts as absent.
    private func withdraw(_ folder: S3Location) async throws(S3Error) {
        try await client.delete(folder.appending(Manifest.fileName))
        if try await formerManifest(of: folder) != nil {
            try await client.delete(folder.appending(Manifest.formerFileName))
        }
    }

    private func digests(of contents: FolderContents) async throws(S3Error) -> [Manifest.File] {
        try await concurrently(contents.files, limit: 2) {
            (file) async throws(S3Error) -> Manifest.File in
            let local = try contents.folder.file(reading: file.source)
            return Manifest.File(
                path: file.path, size: try local.size(), sha256: try await ContentDigest.sha256(of: local))
        }
    }

    /// A file that the store has, and the ETag under which it was seen or sent last.
    private struct SentFile: Sendable {
        var file: Manifest.File
        var etag: String?
    }

    /// Sends the files that the store does not have yet, small ones first.
    private func send(
        _ contents: FolderContents, to folder: S3Location, stored: [String: ObjectPage.Entry]
    ) async throws(S3Error) -> [SentFile] {
        let partSize = client.configuration.partSize
        var sent: [SentFile] = []
        for (files, limit) in [
            (contents.files.filter { $0.size <= partSize }, fileConcurrency),
            (contents.files.filter { $0.size > partSize }, largeFileConcurrency),
        ] {
            sent += try await concurrently(files, limit: limit) { (file) async throws(S3Error) -> SentFile in
                try await self.send(file, of: contents, to: folder, stored: stored[file.path])
            }
        }
        return sent
    }

    private func send(
        _ file: FolderContents.File, of contents: FolderContents, to folder: S3Location,
        stored: ObjectPage.Entry?
    ) async throws(S3Error) -> SentFile {
        let target = folder.appending(file.path)
        let local = try contents.folder.file(reading: file.source)
        if let stored, stored.size == (try local.size()), let info = try await client.headIfExists(target),
            info.size == stored.size, let declared = info.declaredSha256,
            try await ContentDigest.sha256(of: local) == declared
        {
            logger.debug("\(target) is there already")
            return SentFile(
                file: Manifest.File(path: file.path, size: info.size, sha256: declared), etag: info.etag)
        }
        let reading = try await FileReading(of: local, partSize: client.configuration.partSize)
        let etag = try await client.upload(reading, of: local, to: target)
        logger.debug("uploaded \(target)", metadata: ["bytes": "\(reading.size)"])
        return SentFile(
            file: Manifest.File(path: file.path, size: reading.size, sha256: reading.sha256), etag: etag)
    }

    /// The objects below a folder by their path in it.
    private func objects(below folder: S3Location) async throws(S3Error) -> [String: ObjectPage.Entry] {
        let length = folder.folderPrefix.utf8.count
        var objects: [String: ObjectPage.Entry] = [:]
        for entry in try await client.list(below: folder) {
            objects[String(decoding: entry.location.key.utf8.dropFirst(length), as: UTF8.self)] = entry
        }
        return objects
    }

    private func commit(
        _ sent: [SentFile], to folder: S3Location, _ description: UploadDescription
    ) async throws(S3Error) -> CommittedManifest {
        let manifest = Manifest(
            run: description.run, attempt: description.attempt, step: description.step,
            createdAt: now().formatted(.iso8601), files: sent.map(\.file), metadata: description.metadata)
        let data = try manifest.serialized()
        let committed = CommittedManifest(
            location: folder, manifest: manifest, sha256: ContentDigest.sha256(data))
        guard try await isStored(sent, in: folder) else {
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
                "files": "\(sent.count)", "bytes": "\(manifest.totalSize)",
                "manifest": "\(committed.sha256)",
            ])
        return committed
    }

    /// Whether the store holds the files as they were sent. A listing, one request for many files, shows it
    /// by their ETags; where it does not, being late for example, the object itself is asked for.
    private func isStored(_ sent: [SentFile], in folder: S3Location) async throws(S3Error) -> Bool {
        let stored = try await objects(below: folder)
        let doubtful = sent.filter { sent in
            guard let entry = stored[sent.file.path], let etag = sent.etag, let seen = entry.etag else {
                return true
            }
            return entry.size != sent.file.size || Self.unquoted(seen) != Self.unquoted(etag)
        }
        let results = try await concurrently(doubtful, limit: fileConcurrency) {
            (sent) async throws(S3Error) -> Bool in
            try await self.verify(sent.file, in: folder)
        }
        return results.allSatisfy { $0 }
    }

    private static func unquoted(_ etag: String) -> String { etag.filter { $0 != "\"" } }
}

extension FolderContents {
    /// Refuses a file that has the name of Anneal's own manifest: a copy of another folder's, as a rule.
    public mutating func refuseReserved() {
        refuse(Manifest.fileName, "has the name of Anneal's own manifest; give it another name")
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
