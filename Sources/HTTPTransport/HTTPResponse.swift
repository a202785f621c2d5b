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

    /// Takes one line; true when it completed the head. Interim responses (1xx) are passed over, and so
    /// are trailers.
    mutating func take(_ line: String) -> Bool {
        guard head == nil else { return false }
        let line = line.trimmingLineEnd
        if line.hasPrefix("HTTP/") {
            let parts = line.split(separator: " ", maxSplits: 2)
            status = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
            headers = []
            return false
        }
        if line.isEmpty {
            guard status >= 200 else { return false }
            head = HTTPResponseHead(status: status, headers: headers)
            return true
        }
        if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].trimmingBlanks
            headers.append(HTTPHeader(String(line[..<colon]), String(value)))
        }
        return false
    }
}

extension StringProtocol {
    fileprivate var trimmingLineEnd: SubSequence {
        guard let end = lastIndex(where: { !$0.isNewline }) else { return self[startIndex..<startIndex] }
        return self[startIndex...end]
    }

    fileprivate var trimmingBlanks: SubSequence {
        guard let start = firstIndex(where: { $0 != " " && $0 != "\t" }),
            let end = lastIndex(where: { $0 != " " && $0 != "\t" })
        else { return self[startIndex..<startIndex] }
        return self[start...end]
    }
}
