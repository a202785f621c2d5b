import Encodings

/// A bucket and a key, or a prefix of keys: `s3://bucket/key`.
public struct S3Location: Hashable, Sendable, CustomStringConvertible {
    public var bucket: String
    /// The key without a leading `/`; empty for the whole bucket.
    public var key: String

    public init(bucket: String, key: String) {
        self.bucket = bucket
        self.key = key
    }

    /// Parses `s3://bucket/key`.
    ///
    /// - Throws: `.invalidLocation`, with the problem and the right form.
    public init(_ text: String) throws(S3Error) {
        func failure(_ problem: String) -> S3Error {
            S3Error(
                .invalidLocation,
                "'\(AddressCredentials.hidden(in: text))' is no S3 address: \(problem); write it as s3://bucket/key"
            )
        }
        guard text.hasPrefix("s3://") else { throw failure("it does not begin with s3://") }
        let rest = text.dropFirst(5)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let bucket = String(rest[..<slash])
        guard !bucket.isEmpty else { throw failure("it names no bucket") }
        guard Self.isBucketName(bucket) else {
            throw failure(
                "'\(AddressCredentials.hidden(in: bucket))' is no bucket name (3 to 63 of a-z, 0-9, '.' and '-')"
            )
        }
        let key = String(rest[slash...].drop { $0 == "/" })
        guard key.utf8.count <= 1024 else { throw failure("its key is longer than 1,024 bytes") }
        guard !key.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw failure("its key has a control character")
        }
        let segments = key.split(separator: "/", omittingEmptySubsequences: false)
        guard !segments.contains(where: { $0 == "." || $0 == ".." }) else {
            throw failure("its key has a '.' or '..' segment, which HTTP clients take away")
        }
        self.init(bucket: bucket, key: key)
    }

    public var description: String { "s3://\(bucket)/\(key)" }

    /// The location of a path below this one, taken as a folder.
    public func appending(_ path: String) -> S3Location {
        S3Location(bucket: bucket, key: folderPrefix + path)
    }

    /// Prefix of the keys in this folder: the key with a trailing `/`, or nothing for the whole bucket.
    public var folderPrefix: String {
        if key.isEmpty || key.hasSuffix("/") { return key }
        return key + "/"
    }

    /// The key's last segment.
    public var name: String {
        key.split(separator: "/").last.map(String.init) ?? ""
    }

    /// Whether the text can name a bucket. Old buckets and servers other than AWS allow upper case and `_`.
    private static func isBucketName(_ text: String) -> Bool {
        guard (3...63).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            default: false
            }
        }
    }
}
