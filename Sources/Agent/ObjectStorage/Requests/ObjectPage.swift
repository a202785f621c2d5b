import Encodings
import FoundationEssentials

/// One page of a listing.
public struct ObjectPage: Sendable {
    public struct Entry: Hashable, Sendable {
        public var location: S3Location
        public var size: Int64
        /// ETag with its quotes; nil if the listing tells none.
        public var etag: String?
    }

    public var entries: [Entry]
    /// The "folders" of a listing with a delimiter; each ends in `/`.
    public var folders: [S3Location]
    /// Token for the next call; nil on the last page.
    public var nextToken: String?
}

extension S3Client {
    /// One page of the objects whose key begins with the location's key, in order of keys.
    ///
    /// - Parameter foldersOnly: folds keys with a further `/` into `folders`.
    public func listPage(
        _ prefix: S3Location, foldersOnly: Bool = false, token: String? = nil, pageSize: Int = 1000
    ) async throws(S3Error) -> ObjectPage {
        var request = S3Request(
            "GET", S3Location(bucket: prefix.bucket, key: ""), what: "listing \(prefix)")
        request.query = [
            ("list-type", "2"), ("max-keys", String(pageSize)), ("prefix", prefix.key),
            ("encoding-type", "url"),
        ]
        if foldersOnly { request.query.append(("delimiter", "/")) }
        if let token { request.query.append(("continuation-token", token)) }
        let body = try await send(request).body
        guard let document = try? XMLElement(parsing: body), document.name == "ListBucketResult" else {
            throw S3Error.unexpected(body, expected: "a list of objects", what: request.what)
        }
        return try ObjectPage(document, bucket: prefix.bucket, what: request.what)
    }

    /// All objects below a folder, sorted by key.
    ///
    /// - Throws: `.refused` if there are more than `limit`.
    public func list(below folder: S3Location, limit: Int = 100_000) async throws(S3Error) -> [ObjectPage
        .Entry]
    {
        let prefix = S3Location(bucket: folder.bucket, key: folder.folderPrefix)
        var entries: [ObjectPage.Entry] = []
        var token: String?
        repeat {
            let page = try await listPage(prefix, token: token)
            // A key that ends in "/" marks an empty folder, as some tools make them.
            entries += page.entries.filter { !$0.location.key.hasSuffix("/") }
            guard entries.count <= limit else {
                throw S3Error(
                    .refused(status: 200, code: "TooManyObjects"),
                    "\(folder) holds more than \(limit) objects; name a folder with fewer")
            }
            token = page.nextToken
        } while token != nil
        return entries.sorted { $0.location.key.utf8.lexicographicallyPrecedes($1.location.key.utf8) }
    }

    /// The folders directly below a folder.
    public func listFolders(below folder: S3Location) async throws(S3Error) -> [S3Location] {
        let prefix = S3Location(bucket: folder.bucket, key: folder.folderPrefix)
        var folders: [S3Location] = []
        var token: String?
        repeat {
            let page = try await listPage(prefix, foldersOnly: true, token: token)
            folders += page.folders
            token = page.nextToken
        } while token != nil
        return folders
    }
}

extension ObjectPage {
    init(_ document: XMLElement, bucket: String, what: String) throws(S3Error) {
        let encoded = document.child("EncodingType")?.text == "url"
        func key(_ element: XMLElement?) throws(S3Error) -> String {
            guard let text = element?.text,
                let key = encoded ? PercentEncoding.decode(text, plusIsSpace: true) : text, !key.isEmpty
            else {
                throw S3Error(.malformedResponse, "\(what): an entry has no readable key")
            }
            return key
        }
        entries = []
        folders = []
        for element in document.all("Contents") {
            guard let size = (element.child("Size")?.text).flatMap({ Int64($0) }), size >= 0 else {
                throw S3Error(.malformedResponse, "\(what): an entry has no size")
            }
            let location = S3Location(bucket: bucket, key: try key(element.child("Key")))
            let etag = element.child("ETag")?.text
            entries.append(Entry(location: location, size: size, etag: etag?.isEmpty == false ? etag : nil))
        }
        for element in document.all("CommonPrefixes") {
            folders.append(S3Location(bucket: bucket, key: try key(element.child("Prefix"))))
        }
        guard document.child("IsTruncated")?.text == "true" else {
            nextToken = nil
            return
        }
        guard let token = document.child("NextContinuationToken")?.text, !token.isEmpty else {
            throw S3Error(.malformedResponse, "\(what): a page that has a successor has no token for it")
        }
        nextToken = token
    }
}
