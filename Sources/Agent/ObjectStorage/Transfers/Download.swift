import FoundationEssentials
import HTTPTransport
import Synchronization

/// An object that was downloaded to the local disk.
public struct DownloadedFile: Hashable, Sendable {
    public var size: Int64
    /// SHA-256 of the bytes, made while they came.
    public var sha256: String
    /// Properties that the store told.
    var info: ObjectInfo
}

extension S3Client {
    /// Downloads an object into a file. Ranges of a large object come in parallel, each written to its place,
    /// for which space is reserved first. The bytes are checked, and only after that the file gets its name.
    ///
    /// - Parameters:
    ///   - size: size that the object must have; nil for any.
    ///   - sha256: SHA-256 that the bytes must have; nil for that of the object's metadata, if it has any.
    /// - Throws: `.checksumMismatch`, `.objectChanged`, `.diskFull`, and the errors of reading.
    @discardableResult
    public func download(
        _ location: S3Location, to path: String, size: Int64? = nil, sha256: String? = nil
    ) async throws(S3Error) -> DownloadedFile {
        let slash = path.lastIndex(of: "/")
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let above = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        return try await download(
            location, as: name, in: LocalFolder(above), size: size, sha256: sha256)
    }

    /// Downloads an object into a file of a folder.
    ///
    /// - Parameter name: path relative to the folder. Folders that are missing on it are made.
    func download(
        _ location: S3Location, as name: String, in folder: LocalFolder, size: Int64?, sha256: String?
    ) async throws(S3Error) -> DownloadedFile {
        let last = name.split(separator: "/").last.map(String.init) ?? name
        // Short and no object's name, whatever the file is called.
        let partial =
            name.dropLast(last.count) + ".anneal-\(ContentDigest.sha256(Data(last.utf8)).prefix(16)).part"
        do throws(S3Error) {
            var lastMismatch: S3Error?
            // Bytes may be garbled on the way once; if the second download is wrong too, the object is.
            for _ in 0..<2 {
                let file = try folder.file(creating: String(partial))
                let done = try await fetch(location, size: size, into: file)
                guard let expected = sha256 ?? done.info.declaredSha256, expected != done.sha256 else {
                    try folder.rename(String(partial), to: last)
                    return done
                }
                lastMismatch = S3Error(
                    .checksumMismatch,
                    "\(location) has SHA-256 \(done.sha256) instead of the declared \(expected); "
                        + "upload the right content, or correct the declaration")
                logger.warning("\(location): wrong SHA-256 after download; downloading again")
            }
            throw lastMismatch ?? S3Error(.checksumMismatch, "\(location) has another SHA-256")
        } catch {
            folder.remove(String(partial))
            throw error
        }
    }

    /// Downloads all bytes into a new file. One request is enough for an object that is known to be small.
    private func fetch(
        _ location: S3Location, size: Int64?, into file: borrowing LocalFile
    ) async throws(S3Error) -> DownloadedFile {
        let done: DownloadedFile
        if let size, size <= configuration.partSize {
            done = try await fetchWhole(location, size: size, into: file.content)
        } else {
            let info = try await head(location)
            if info.size <= configuration.partSize {
                done = try await fetchWhole(location, size: info.size, into: file.content)
            } else {
                try Self.check(info, size: size)
                try file.preallocate(info.size)
                done = try await fetchParts(info, into: file.content)
            }
        }
        try Self.check(done.info, size: size)
        guard try file.size() == done.size else {
            throw S3Error(.malformedResponse, "\(location): more bytes came than the object has")
        }
        return done
    }

    private static func check(_ info: ObjectInfo, size: Int64?) throws(S3Error) {
        guard let size, size != info.size else { return }
        throw S3Error(
            .checksumMismatch,
            "\(info.location) has \(info.size) bytes instead of the declared \(size); upload it again")
    }

    private func fetchWhole(
        _ location: S3Location, size: Int64, into file: FileContent
    ) async throws(S3Error) -> DownloadedFile {
        var request = S3Request("GET", location, what: "reading \(location)")
        request.expectedBytes = size
        let sent = request
        return try await retrying(request.what) { credentials async throws(S3Error) -> DownloadedFile in
            let digest = Mutex(StreamingDigest())
            let head = try await self.fetch(sent, signedBy: credentials, into: file, at: 0) { bytes in
                digest.withLock { $0.update(bytes) }
            }
            guard let info = ObjectInfo(location: location, head: head) else {
                throw S3Error(.malformedResponse, "\(sent.what): the answer has no length or no ETag")
            }
            return DownloadedFile(
                size: info.size, sha256: digest.withLock { $0.finish() }, info: info)
        }
    }

    /// Downloads the parts of an object, some at once. Each is read back and digested while later ones come,
    /// when those before it are there: it is still in memory then.
    private func fetchParts(_ info: ObjectInfo, into file: FileContent) async throws(S3Error)
        -> DownloadedFile
    {
        let ranges = Self.parts(of: info.size, least: configuration.partSize)
        let (finished, finish) = AsyncStream<Int>.makeStream()
        async let sha256 = Self.digest(ranges, of: file, in: finished)
        do throws(S3Error) {
            _ = try await concurrently(Array(ranges.enumerated()), limit: configuration.partConcurrency) {
                (part) async throws(S3Error) -> Void in
                try await self.fetch(part.element, of: info, into: file)
                finish.yield(part.offset)
            }
            finish.finish()
        } catch {
            finish.finish()
            throw error
        }
        do {
            return DownloadedFile(size: info.size, sha256: try await sha256, info: info)
        } catch {
            throw (error as? S3Error) ?? S3Error(.cancelled, "reading \(info.location): stopped")
        }
    }

    /// The digest of all ranges, each of which is read once its number and those of the ones before it came.
    private static func digest(
        _ ranges: [Range<Int64>], of file: FileContent, in finished: AsyncStream<Int>
    ) async throws(S3Error) -> String {
        var digest = StreamingDigest()
        var waiting: Set<Int> = []
        var next = 0
        for await index in finished {
            waiting.insert(index)
            while waiting.remove(next) != nil {
                try await digest.update(from: file, ranges[next])
                next += 1
            }
        }
        return digest.finish()
    }

    private func fetch(_ range: Range<Int64>, of info: ObjectInfo, into file: FileContent)
        async throws(S3Error)
    {
        let request = Self.rangeRequest(info, range)
        try await retrying(request.what) { credentials async throws(S3Error) -> Void in
            let head = try await self.fetch(
                request, signedBy: credentials, into: file, at: range.lowerBound)
            let expected = range.upperBound - range.lowerBound
            guard let length = head[header: "content-length"], Int64(length) == expected else {
                throw S3Error(
                    .unavailable, "\(request.what): a range came with another length than \(expected)")
            }
        }
    }

    /// Sends a request once, and writes the body of its answer to a place in a file.
    private func fetch(
        _ request: S3Request, signedBy credentials: S3Credentials?, into file: FileContent, at offset: Int64,
        observe: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil
    ) async throws(S3Error) -> HTTPResponseHead {
        let head: HTTPResponseHead
        let body: Data
        do throws(TransportError) {
            (head, body) = try await transport.download(
                http(request, signedBy: credentials), to: file.descriptor, at: offset, observe: observe)
        } catch {
            throw S3Error(transport: error, what: request.what, endpoint: configuration.endpoint)
        }
        try await check(head, body, request, signedBy: credentials)
        return head
    }
}
