import FoundationEssentials
import HTTPTransport

extension S3Client {
    /// Parts of one object that a store takes, at most.
    private static let partLimit: Int64 = 10_000

    /// Uploads a file, with its SHA-256 as metadata. The bytes go from the disk to the socket: memory does
    /// not grow with the file. A file larger than one part is sent in parallel parts; an upload that cannot
    /// be finished is removed again.
    ///
    /// - Parameter sha256: SHA-256 of the file's bytes.
    /// - Throws: `.changedLocally` if the bytes have another one.
    public func upload(file path: String, to location: S3Location, sha256: String) async throws(S3Error) {
        let file = try LocalFile(reading: path)
        let before = try file.fingerprint()
        if before.size <= configuration.partSize {
            try await putFile(path, size: before.size, to: location, sha256: sha256)
        } else {
            try await uploadParts(of: path, size: before.size, to: location, sha256: sha256)
        }
        guard try file.fingerprint() == before else {
            throw S3Error(
                .changedLocally,
                "'\(path)' was changed while it was uploaded; write to another name and rename when it is done"
            )
        }
    }

    private func putFile(
        _ path: String, size: Int64, to location: S3Location, sha256: String
    ) async throws(S3Error) {
        var request = S3Request("PUT", location, what: "writing \(location)")
        request.headers = [HTTPHeader(Self.checksumHeader, sha256)]
        request.payloadSha256 = sha256
        request.body = size == 0 ? .data(Data()) : .file(path: path, offset: 0, length: size)
        do {
            _ = try await send(request)
        } catch  where error.code == .checksumMismatch {
            throw S3Error(.changedLocally, "'\(path)' is not what it was when its SHA-256 was taken")
        }
    }

    private func uploadParts(
        of path: String, size: Int64, to location: S3Location, sha256: String
    ) async throws(S3Error) {
        let upload = MultipartUpload(client: self, location: location, path: path, sha256: sha256)
        let id = try await upload.begin()
        do {
            let parts = try await upload.send(Self.parts(of: size, least: configuration.partSize), id: id)
            try await upload.complete(parts, id: id, size: size)
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
    let path: String
    let sha256: String

    private var what: String { "writing \(location)" }

    func begin() async throws(S3Error) -> String {
        var request = S3Request("POST", location, what: what)
        request.query = [("uploads", "")]
        request.headers = [HTTPHeader(S3Client.checksumHeader, sha256)]
        let body = try await client.send(request).body
        guard let id = (try? XMLElement(parsing: body))?.child("UploadId")?.text, !id.isEmpty else {
            throw S3Error(.malformedResponse, "\(what): the store began a multipart upload without an id")
        }
        return id
    }

    /// Sends all parts, some at once, and returns their etags in order.
    func send(_ ranges: [Range<Int64>], id: String) async throws(S3Error) -> [String] {
        let etags = try await concurrently(
            Array(ranges.enumerated()), limit: client.configuration.partConcurrency
        ) { item async throws(S3Error) -> (Int, String) in
            (item.offset, try await self.send(item.element, number: item.offset + 1, id: id))
        }
        return etags.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private func send(_ range: Range<Int64>, number: Int, id: String) async throws(S3Error) -> String {
        var request = S3Request("PUT", location, what: what)
        request.query = [("partNumber", String(number)), ("uploadId", id)]
        request.payloadSha256 = try await digest(of: range)
        request.body = .file(
            path: path, offset: range.lowerBound, length: range.upperBound - range.lowerBound)
        guard let etag = try await client.send(request).head[header: "etag"] else {
            throw S3Error(.malformedResponse, "\(what): the store took a part without an ETag for it")
        }
        return etag
    }

    private func digest(of range: Range<Int64>) async throws(S3Error) -> String {
        let file = try LocalFile(reading: path)
        return try await ContentDigest.sha256(of: file, range: range)
    }

    func complete(_ etags: [String], id: String, size: Int64) async throws(S3Error) {
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
            try await finish(request)
        } catch  where error.code == .noSuchUpload {
            // An earlier attempt may have reached the store though its answer was lost.
            let info = try await client.headIfExists(location)
            guard let info, info.size == size, info.declaredSha256 == sha256 else { throw error }
        }
    }

    /// Sends a request whose answer may be a 200 with an error in the body: a store may answer early to keep
    /// the connection.
    private func finish(_ request: S3Request) async throws(S3Error) {
        try await client.retrying(what) { () async throws(S3Error) -> Void in
            let answer = try await self.client.sendOnce(request)
            guard let document = try? XMLElement(parsing: answer.body) else {
                throw S3Error(.unavailable, "\(self.what): the store's last answer was cut off")
            }
            guard document.name == "Error" else { return }
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
        await Task.detached { _ = try? await client.sendOnce(sent) }.value
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
