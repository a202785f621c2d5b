import FoundationEssentials

/// An HTTP request, whole, apart from how it arrived.
struct IncomingRequest: Sendable {
    var method: String
    /// Path of the URL, percent-decoded, without the query.
    var path: String
    var query: QueryParameters
    /// Headers by their names in lower case.
    var headers: [String: String]
    var body: Data

    init(
        method: String, target: String, headers: [String: String] = [:], body: Data = Data()
    ) {
        self.method = method
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = URLEscapes.decode(String(parts.first ?? "/"), plusIsSpace: false)
        query = QueryParameters(parts.count > 1 ? String(parts[1]) : "")
        self.headers = Dictionary(
            headers.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        self.body = body
    }

    /// The media type of the body, without its parameters; nil if the request does not say.
    var contentType: String? {
        guard let header = headers["content-type"], !header.isEmpty else { return nil }
        return header.split(separator: ";").first.map {
            $0.trimmingWhitespace().lowercased()
        }
    }
}

/// An answer: bytes, or a stream of them.
struct APIResponse: Sendable {
    enum Body: Sendable {
        case none
        case data(Data)
        case stream(ByteStream)
    }

    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: Body = .none

    static func text(_ status: Int, _ text: String) -> APIResponse {
        APIResponse(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")],
            body: .data(Data(text.utf8)))
    }
}

/// An answer that goes on until its source or its reader ends it.
struct ByteStream: Sendable {
    /// Writes until the source ends, or `cancel` is called.
    var run: @Sendable (inout any ByteSink) async throws -> Void
    /// Called when the reader is gone; may be called at any time, also before and after `run`.
    var cancel: @Sendable () -> Void
}

/// Receiver of a stream's bytes. Throws when the client is gone.
protocol ByteSink {
    mutating func write(_ data: Data) async throws
}

extension StringProtocol {
    func trimmingWhitespace() -> String {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
