import FoundationEssentials
import HTTPTransport
import Logging

/// Properties of an object in a store.
public struct ObjectInfo: Hashable, Sendable {
    public var location: S3Location
    /// Size in bytes.
    public var size: Int64
    /// ETag with its quotes, as it came; it changes with the content.
    public var etag: String
    /// SHA-256 that the uploader declared in the metadata field `sha256`, in lower-case hexadecimal digits;
    /// nil if none.
    public var declaredSha256: String?
    /// Version that the uploader declared in the metadata field `version`; nil if none.
    public var declaredVersion: String?

    public init(
        location: S3Location, size: Int64, etag: String, declaredSha256: String? = nil,
        declaredVersion: String? = nil
    ) {
        self.location = location
        self.size = size
        self.etag = etag
        self.declaredSha256 = declaredSha256
        self.declaredVersion = declaredVersion
    }
}

/// Speaks the S3 protocol to one store: any endpoint, path-style or virtual-host, signed with Signature
/// Version 4 by libcurl, or unsigned without credentials.
///
/// Every request is repeated while the store is down or overloaded, within `RetryPolicy.budget`.
public struct S3Client: Sendable {
    public let configuration: S3Configuration
    let transport: HTTPTransport
    let retry: RetryPolicy
    let environment: RetryEnvironment
    let logger: Logger

    public init(
        configuration: S3Configuration, transport: HTTPTransport, retry: RetryPolicy = RetryPolicy(),
        environment: RetryEnvironment = .live, logger: Logger
    ) {
        self.configuration = configuration
        self.transport = transport
        self.retry = retry
        self.environment = environment
        self.logger = logger
    }

    /// Reads size, etag and declared checksum of an object.
    public func head(_ location: S3Location) async throws(S3Error) -> ObjectInfo {
        let what = "looking at \(location)"
        let response = try await send(S3Request("HEAD", location, what: what))
        guard let info = ObjectInfo(location: location, head: response.head) else {
            let type = response.head[header: "Content-Type"].map { " (it is \($0.prefix(80)))" } ?? ""
            throw S3Error(
                .malformedResponse,
                "\(what): the answer has no length or no ETag\(type); check that an S3 store is at "
                    + "storage.endpoint, and no proxy or other server")
        }
        return info
    }

    /// Reads the properties of an object; nil if it does not exist.
    public func headIfExists(_ location: S3Location) async throws(S3Error) -> ObjectInfo? {
        do { return try await head(location) } catch  where error.code == .noSuchKey { return nil }
    }

    /// Reads a small object as a whole.
    ///
    /// - Throws: `.refused` if it has more than `limit` bytes.
    public func get(_ location: S3Location, limit: Int) async throws(S3Error) -> Data {
        let request = S3Request("GET", location, what: "reading \(location)")
        return try await send(request, limit: limit).body
    }

    /// Reads the bytes `range` of the object that has `etag`.
    ///
    /// - Throws: `.objectChanged` if the object has another one by now.
    func get(_ info: ObjectInfo, range: Range<Int64>) async throws(S3Error) -> Data {
        let request = Self.rangeRequest(info, range)
        let expected = Int(range.upperBound - range.lowerBound)
        return try await retrying(request.what) { credentials async throws(S3Error) -> Data in
            let answer = try await self.sendOnce(request, signedBy: credentials, limit: expected)
            guard answer.body.count == expected else {
                throw S3Error(
                    .unavailable, "\(request.what): \(answer.body.count) bytes came instead of \(expected)")
            }
            return answer.body
        }
    }

    static func rangeRequest(_ info: ObjectInfo, _ range: Range<Int64>) -> S3Request {
        var request = S3Request("GET", info.location, what: "reading \(info.location)")
        request.headers.append(HTTPHeader("If-Match", info.etag))
        // A request for the whole has no range: an empty object has none that can be satisfied.
        if range != 0..<info.size {
            request.headers.append(HTTPHeader("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)"))
            request.expectedStatus = 206
        }
        request.expectedBytes = range.upperBound - range.lowerBound
        return request
    }

    /// Writes a small object, with its SHA-256 as metadata.
    @discardableResult
    public func put(
        _ data: Data, to location: S3Location, contentType: String = "application/octet-stream"
    ) async throws(S3Error) -> String {
        let digest = ContentDigest.sha256(data)
        var request = S3Request("PUT", location, what: "writing \(location)")
        request.body = .data(data)
        request.payloadSha256 = digest
        request.headers = [
            HTTPHeader("Content-Type", contentType), HTTPHeader(Self.checksumHeader, digest),
        ]
        _ = try await send(request)
        return digest
    }

    /// Deletes an object if it exists.
    public func delete(_ location: S3Location) async throws(S3Error) {
        do {
            _ = try await send(S3Request("DELETE", location, what: "deleting \(location)"))
        } catch  where error.code == .noSuchKey {}
    }

    static let checksumHeader = "x-amz-meta-sha256"
}

extension ObjectInfo {
    init?(location: S3Location, head: HTTPResponseHead) {
        guard let length = head[header: "content-length"], let size = Int64(length), size >= 0,
            let etag = head[header: "etag"]
        else { return nil }
        self.init(
            location: location, size: size, etag: etag,
            declaredSha256: head[header: S3Client.checksumHeader].flatMap(ContentDigest.normalised),
            declaredVersion: head[header: "x-amz-meta-version"])
    }
}
