import FoundationEssentials

/// Status and headers of a response.
public struct HTTPResponseHead: Hashable, Sendable {
    public var status: Int
    public var headers: [HTTPHeader]

    public init(status: Int, headers: [HTTPHeader] = []) {
        self.status = status
        self.headers = headers
    }

    /// The value of the first header of that name, whatever its case.
    public subscript(header name: String) -> String? { headers[header: name] }
}

/// A whole response.
public struct HTTPResponse: Hashable, Sendable {
    public var status: Int
    public var headers: [HTTPHeader]
    public var body: Data

    public init(status: Int, headers: [HTTPHeader] = [], body: Data = Data()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The value of the first header of that name, whatever its case.
    public subscript(header name: String) -> String? { headers[header: name] }
}

/// Collects the header lines that libcurl hands over one at a time.
struct HeadParser {
    private(set) var head: HTTPResponseHead?
    private var status = 0
    private var headers: [HTTPHeader] = []

    /// Takes one line; true if it completes the head. Interim responses (1xx) and trailers are skipped.
    mutating func take(_ line: UnsafeRawBufferPointer) -> Bool {
        guard head == nil else { return false }
        let line = line.trimming { $0 == 0x0A || $0 == 0x0D }
        if line.starts(with: "HTTP/".utf8) {
            let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
            status = parts.count > 1 ? Int(String(decoding: parts[1], as: UTF8.self)) ?? 0 : 0
            headers = []
            return false
        }
        if line.isEmpty {
            guard status >= 200 else { return false }
            head = HTTPResponseHead(status: status, headers: headers)
            return true
        }
        if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let value = line[line.index(after: colon)...].trimming { $0 == 0x20 || $0 == 0x09 }
            headers.append(
                HTTPHeader(
                    String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
        return false
    }
}

extension BidirectionalCollection<UInt8> {
    /// The part without the bytes at both ends that satisfy the predicate.
    fileprivate func trimming(_ isBlank: (UInt8) -> Bool) -> SubSequence {
        guard let start = firstIndex(where: { !isBlank($0) }), let end = lastIndex(where: { !isBlank($0) })
        else { return self[endIndex...] }
        return self[start...end]
    }
}
