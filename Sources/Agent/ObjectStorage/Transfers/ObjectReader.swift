import FoundationEssentials

/// Reads an object from its first byte to its last, some mebibytes at a time, each chunk retried by itself.
/// Holds one chunk.
public struct ObjectReader: Sendable {
    private let client: S3Client
    public let info: ObjectInfo
    private let chunkSize: Int64
    private var offset: Int64 = 0

    /// - Throws: the errors of reading the object's properties.
    public init(_ client: S3Client, _ location: S3Location, chunkSize: Int64 = 4 << 20) async throws(S3Error)
    {
        self.client = client
        self.chunkSize = max(1, chunkSize)
        info = try await client.head(location)
    }

    /// The next bytes; nil after the last.
    ///
    /// - Throws: `.objectChanged` if the object is no longer the same.
    public mutating func next() async throws(S3Error) -> Data? {
        guard offset < info.size else { return nil }
        let range = offset..<min(offset + chunkSize, info.size)
        let data = try await client.get(info, range: range)
        offset = range.upperBound
        return data
    }
}
