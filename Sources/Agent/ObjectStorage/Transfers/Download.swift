import FoundationEssentials
import HTTPTransport

/// An object that was downloaded to the local disk.
public struct DownloadedFile: Hashable, Sendable {
    public var size: Int64
    /// SHA-256 of the bytes on the disk, read back.
    public var sha256: String
}

extension S3Client {
    /// Downloads an object into a file. Space is reserved first; ranges come in parallel, each written to its
    /// place; the bytes are then read back and checked, and only after that the file gets its name.
    ///
    /// - Parameters:
    ///   - size: size that the object must have; nil for any.
    ///   - sha256: SHA-256 that the bytes must have; nil for that of the object's metadata, if it has any.
    /// - Throws: `.checksumMismatch`, `.objectChanged`, `.diskFull`, and the errors of reading.
    @discardableResult
    public func download(
        _ location: S3Location, to path: String, size: Int64? = nil, sha256: String? = nil
    ) async throws(S3Error) -> DownloadedFile {
        let partial = path + ".part"
        do throws(S3Error) {
            var lastMismatch: S3Error?
            // Bytes may be garbled on the way once; if the second download is wrong too, the object is.
            for _ in 0..<2 {
                let info = try await head(location)
                if let size, size != info.size {
                    throw S3Error(
                        .checksumMismatch,
                        "\(location) has \(info.size) bytes instead of the declared \(size); upload it again")
                }
                let actual = try await fetch(info, into: partial)
                guard let expected = sha256 ?? info.declaredSha256, expected != actual else {
                    try LocalFile.rename(partial, to: path)
                    return DownloadedFile(size: info.size, sha256: actual)
                }
                lastMismatch = S3Error(
                    .checksumMismatch,
                    "\(location) has SHA-256 \(actual) instead of the declared \(expected); "
                        + "upload the right content, or correct the declaration")
                logger.warning("\(location): wrong SHA-256 after download; downloading again")
            }
            throw lastMismatch ?? S3Error(.checksumMismatch, "\(location) has another SHA-256")
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    /// Downloads all bytes into a new file and returns their SHA-256.
    private func fetch(_ info: ObjectInfo, into path: String) async throws(S3Error) -> String {
        let file = try LocalFile(creating: path)
        try file.preallocate(info.size)
        let descriptor = file.descriptor
        let ranges = info.size == 0 ? [] : Self.parts(of: info.size, least: configuration.partSize)
        _ = try await concurrently(ranges, limit: configuration.partConcurrency) {
            (range) async throws(S3Error) -> Void in
            try await self.fetch(range, of: info, into: descriptor)
        }
        guard try file.size() == info.size else {
            throw S3Error(.malformedResponse, "\(info.location): more bytes came than the object has")
        }
        return try await ContentDigest.sha256(of: file)
    }

    private func fetch(_ range: Range<Int64>, of info: ObjectInfo, into descriptor: Int32)
        async throws(S3Error)
    {
        let request = Self.rangeRequest(info, range)
        try await retrying(request.what) { () async throws(S3Error) -> Void in
            let head: HTTPResponseHead
            let body: Data
            do throws(TransportError) {
                (head, body) = try await self.transport.download(
                    self.http(request), to: descriptor, at: range.lowerBound)
            } catch {
                throw S3Error(transport: error, what: request.what, endpoint: self.configuration.endpoint)
            }
            try await self.check(head, body, request)
            let expected = range.upperBound - range.lowerBound
            guard let length = head[header: "content-length"], Int64(length) == expected else {
                throw S3Error(
                    .unavailable, "\(request.what): a range came with another length than \(expected)")
            }
        }
    }
}
