import Encodings

/// Address of a store, and settings of requests to it.
public struct S3Configuration: Sendable {
    /// `http[s]://host[:port]`, without a path.
    public var endpoint: String
    public var region: String
    /// Whether the bucket is in the path rather than in the host name.
    public var pathStyle: Bool
    /// Source of the keys; nil: requests are not signed.
    public var credentials: (any CredentialProvider)?
    /// Bytes of a part; a larger transfer is cut into parts.
    public var partSize: Int64 = 8 << 20
    /// Parts of one object that are transferred at once.
    public var partConcurrency = 8
    /// PEM of the authorities to trust; nil for the system's.
    public var certificateAuthority: [UInt8]?

    /// - Parameter endpoint: nil for AWS's own endpoint of the region.
    /// - Throws: `.invalidEndpoint`.
    public init(
        endpoint: String? = nil, region: String? = nil, pathStyle: Bool? = nil,
        credentials: (any CredentialProvider)? = nil
    ) throws(S3Error) {
        let region = region ?? "us-east-1"
        guard !region.isEmpty, region.utf8.allSatisfy(Self.isRegionByte) else {
            throw S3Error(
                .wrongRegion, "storage.region: '\(region)' is no region; write one such as us-east-1")
        }
        self.region = region
        self.pathStyle = pathStyle ?? false
        self.credentials = credentials
        guard let endpoint else {
            self.endpoint = "https://s3.\(region).amazonaws.com"
            return
        }
        var trimmed = endpoint
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard Self.isEndpoint(trimmed) else {
            throw S3Error(
                .invalidEndpoint,
                "storage.endpoint: '\(AddressCredentials.hidden(in: endpoint))' is no endpoint; write https://host[:port] "
                    + "or http://host[:port], and put keys into the Secret that credentialsSecretName names"
            )
        }
        self.endpoint = trimmed
    }

    private static func isRegionByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func isEndpoint(_ text: String) -> Bool {
        guard text.hasPrefix("http://") || text.hasPrefix("https://") else { return false }
        let host = text.drop { $0 != "/" }.dropFirst(2)
        return !host.isEmpty && !host.hasPrefix(":")
            && host.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "?")
                    && byte != UInt8(ascii: "#") && byte != UInt8(ascii: "@") && byte != UInt8(ascii: "%")
            }
    }

    /// The absolute URL of an object or, if `key` is empty, of its bucket. The query is sorted by name and
    /// encoded, as the signature needs it.
    func url(bucket: String, key: String, query: [(name: String, value: String)] = []) -> String {
        let path = PercentEncoding.encode(key, keepsSlash: true)
        var url: String
        // A wildcard certificate does not match a bucket name with dots.
        if pathStyle || (bucket.contains(".") && endpoint.hasPrefix("https://")) {
            url = "\(endpoint)/\(bucket)" + (path.isEmpty ? "" : "/\(path)")
        } else {
            let scheme = endpoint.hasPrefix("https://") ? "https://" : "http://"
            url = "\(scheme)\(bucket).\(endpoint.dropFirst(scheme.count))/\(path)"
        }
        let pairs = query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
        let text = pairs.sorted { $0 < $1 }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        if !text.isEmpty { url += "?" + text }
        return url
    }
}
