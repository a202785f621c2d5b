import Encodings
import FoundationEssentials

/// A multipart upload that was neither completed nor aborted. Its parts cost space and are in no listing of
/// objects.
public struct UnfinishedUpload: Hashable, Sendable {
    /// Object that the upload would make.
    public var location: S3Location
    var id: String
}

extension S3Client {
    /// Uploads after which no further page is asked for.
    private static let unfinishedLimit = 10_000

    /// The multipart uploads below a folder that nobody has finished, those under way included.
    public func unfinishedUploads(below folder: S3Location) async throws(S3Error) -> [UnfinishedUpload] {
        let prefix = folder.folderPrefix
        let what = "listing unfinished uploads below \(folder)"
        var found: [UnfinishedUpload] = []
        var marker: (key: String, id: String)?
        repeat {
            var request = S3Request("GET", S3Location(bucket: folder.bucket, key: ""), what: what)
            request.query = [("uploads", ""), ("prefix", prefix), ("encoding-type", "url")]
            if let marker {
                request.query += [("key-marker", marker.key), ("upload-id-marker", marker.id)]
            }
            let body = try await send(request).body
            guard let document = try? XMLElement(parsing: body),
                document.name == "ListMultipartUploadsResult"
            else { throw S3Error.unexpected(body, expected: "a list of uploads", what: what) }
            let isEncoded = document.child("EncodingType")?.text == "url"
            func key(_ text: String) -> String {
                isEncoded ? PercentEncoding.decode(text, plusIsSpace: true) ?? text : text
            }
            for element in document.all("Upload") {
                guard let text = element.child("Key")?.text, let id = element.child("UploadId")?.text,
                    !id.isEmpty
                else { throw S3Error(.malformedResponse, "\(what): an entry has no key or no id") }
                // A store that does not know the prefix tells of all uploads of the bucket, and a key that is no
                // plain path may lead out of the folder.
                let name = key(text)
                guard name.hasPrefix(prefix), RelativePath.isPlain(String(name.dropFirst(prefix.count)))
                else { continue }
                found.append(
                    UnfinishedUpload(location: S3Location(bucket: folder.bucket, key: name), id: id))
            }
            let next = document.child("NextKeyMarker").map { element in
                (key: key(element.text), id: document.child("NextUploadIdMarker")?.text ?? "")
            }
            let isNew = next.map { $0.key != marker?.key || $0.id != marker?.id } ?? false
            guard document.child("IsTruncated")?.text == "true", isNew else { return found }
            marker = next
        } while found.count < Self.unfinishedLimit
        return found
    }

    /// Removes the parts of an upload; nothing is done if it was finished meanwhile.
    public func abort(_ upload: UnfinishedUpload) async throws(S3Error) {
        var request = S3Request(
            "DELETE", upload.location, what: "removing an unfinished upload of \(upload.location)")
        request.query = [("uploadId", upload.id)]
        do { _ = try await send(request) } catch
            where error.code == .noSuchUpload || error.code == .noSuchKey
        {}
    }
}
