import FoundationEssentials
import HTTPTransport

extension S3Client {
    /// Parts of one object that a store takes, at most.
    private static let partLimit: Int64 = 10_000

    /// Uploads a file, with its SHA-256 as metadata. Memory does not grow with the file: the bytes of one that
    /// is not short go from the disk to the socket. A file larger than one part is sent in parallel parts; an
    /// upload that cannot be finished is removed again.
    ///
    /// - Parameter sha256: SHA-256 of the file's bytes.
    /// - Throws: `.changedLocally` if the bytes have another one.
    public func upload(file path: String, to location: S3Location, sha256: String) async throws(S3Error) {
        let file = try LocalFile(reading: path)
        let reading = try await FileReading(of: file, partSize: configuration.partSize)
        guard reading.sha256 == sha256 else { throw Self.changed(path) }
        _ = try await upload(reading, of: file, to: location)
    }

    /// Uploads a file that was read, and returns the object's ETag; nil if the store tells none.
    ///
    /// - Throws: `.changedLocally` if the file is no longer what was read.
    func upload(
        _ reading: FileReading, of file: borrowing LocalFile, to location: S3Location
    ) async throws(S3Error) -> String? {
        let content = file.content
        let etag: String?
        do throws(S3Error) {
            etag =
                reading.parts.isEmpty
                ? try await put(reading, content, to: location)
                : try await putParts(reading, content, to: location)
        } catch  where error.code == .checksumMismatch {
            throw Self.changed(file.path)
        }
        guard try file.fingerprint() == reading.mark else { throw Self.changed(file.path) }
        return etag
    }

    private static func changed(_ path: String) -> S3Error {
        S3Error(
            .changedLocally,
            "'\(path)' was changed while it was uploaded; write to another name and rename when it is done")
    }

    private func put(
        _ reading: FileReading, _ content: FileContent, to location: S3Location
    ) async throws(S3Error) -> String? {
        var request = S3Request("PUT", location, what: "writing \(location)")
        request.headers = [HTTPHeader(Self.checksumHeader, reading.sha256)]
        request.payloadSha256 = reading.sha256
        request.body =
            reading.bytes.map { .data($0) }
            ?? .file(descriptor: content.descriptor, offset: 0, length: reading.size)
        return try await send(request).head[header: "etag"]
    }

    private func putParts(
        _ reading: FileReading, _ content: FileContent, to location: S3Location
    ) async throws(S3Error) -> String? {
        let upload = MultipartUpload(client: self, location: location, content: content, reading: reading)
        let id = try await upload.begin()
        do {
            let etags = try await upload.send(id: id)
            return try await upload.complete(etags, id: id)
        } catch {
            await upload.abort(id)
            throw error
        }
    }

    /// The byte ranges of an object's parts. Each has `least` bytes or more, except the last.
    static func parts(of size: Int64, least: Int64) -> [Range<Int64>] {
        let mebibyte: Int64 = 1 << 20
        let needed = (size / partLimit / mebibyte + 1) * mebibyte
        let length = max(least, needed)
        return stride(from: 0, to: size, by: Int(length)).map { $0..<min($0 + length, size) }
    }
}

/// One multipart upload.
private struct MultipartUpload: Sendable {
    let client: S3Client
    let location: S3Location
    let content: FileContent
    let reading: FileReading

    private var what: String { "writing \(location)" }

    func begin() async throws(S3Error) -> String {
        var request = S3Request("POST", location, what: what)
        request.query = [("uploads", "")]
        request.headers = [HTTPHeader(S3Client.checksumHeader, reading.sha256)]
        let body = try await client.send(request).body
        guard let id = (try? XMLElement(parsing: body))?.child("UploadId")?.text, !id.isEmpty else {
            throw S3Error(.malformedResponse, "\(what): the store began a multipart upload without an id")
        }
        return id
    }

    /// Sends all parts, some at once, and returns their etags in order.
    func send(id: String) async throws(S3Error) -> [String] {
        let etags = try await concurrently(
            Array(reading.parts.enumerated()), limit: client.configuration.partConcurrency
        ) { item async throws(S3Error) -> (Int, String) in
            (item.offset, try await self.send(item.element, number: item.offset + 1, id: id))
        }
        return etags.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private func send(_ part: FileReading.Part, number: Int, id: String) async throws(S3Error) -> String {
        var request = S3Request("PUT", location, what: what)
        request.query = [("partNumber", String(number)), ("uploadId", id)]
        request.payloadSha256 = part.sha256
        request.body = .file(
            descriptor: content.descriptor, offset: part.range.lowerBound,
            length: part.range.upperBound - part.range.lowerBound)
        guard let etag = try await client.send(request).head[header: "etag"] else {
            throw S3Error(.malformedResponse, "\(what): the store took a part without an ETag for it")
        }
        return etag
    }

    /// Puts the parts together, and returns the object's ETag; nil if the store tells none.
    func complete(_ etags: [String], id: String) async throws(S3Error) -> String? {
        var request = S3Request("POST", location, what: what)
        request.query = [("uploadId", id)]
        let parts = etags.enumerated().map { index, etag in
            "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(Self.escaped(etag))</ETag></Part>"
        }
        let body = Data(
            ("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                + parts.joined() + "</CompleteMultipartUpload>").utf8)
        request.body = .data(body)
        request.payloadSha256 = ContentDigest.sha256(body)
        request.headers = [HTTPHeader("Content-Type", "application/xml")]
        do {
            return try await finish(request)
        } catch  where error.code == .noSuchUpload {
            // An earlier attempt may have reached the store though its answer was lost.
            let info = try await client.headIfExists(location)
            guard let info, info.size == reading.size, info.declaredSha256 == reading.sha256 else {
                throw error
            }
            return info.etag
        }
    }

    /// Sends a request whose answer may be a 200 with an error in the body: a store may answer early to keep
    /// the connection.
    private func finish(_ request: S3Request) async throws(S3Error) -> String? {
        try await client.retrying(what) { credentials async throws(S3Error) -> String? in
            let answer = try await self.client.sendOnce(request, signedBy: credentials)
            guard let document = try? XMLElement(parsing: answer.body) else {
                throw S3Error(.unavailable, "\(self.what): the store's last answer was cut off")
            }
            guard document.name == "Error" else { return document.child("ETag")?.text }
            var head = answer.head
            head.status = 500
            throw S3Error(
                answer: head, body: answer.body, what: self.what, location: self.location,
                region: self.client.configuration.region)
        }
    }

    /// Tries once to remove the parts. Parts that remain are for the bucket's lifecycle rules.
    func abort(_ id: String) async {
        var request = S3Request("DELETE", location, what: what)
        request.query = [("uploadId", id)]
        let sent = request
        let client = client
        // A request of a cancelled task would be cancelled, too.
        await Task.detached {
            let credentials = try? await client.configuration.credentials?.credentials()
            _ = try? await client.sendOnce(sent, signedBy: credentials)
        }.value
    }

    private static func escaped(_ text: String) -> String {
        var output = ""
        for character in text {
            switch character {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            default: output.append(character)
            }
        }
        return output
    }
}
