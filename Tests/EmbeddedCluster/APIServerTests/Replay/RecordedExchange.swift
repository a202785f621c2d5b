import FoundationEssentials
import KubernetesAPI

/// One line of the recording.
struct RecordedExchange: Sendable {
    var index: Int
    var name: String
    var method: String
    var path: String
    var headers: [String: String]
    /// The body; null if there was none, a string if it was no JSON.
    var requestBody: JSONValue
    var status: Int
    var contentType: String?
    var warning: String?
    var responseBody: JSONValue
    /// The events of an answer that was a stream; nil for any other.
    var stream: [JSONValue]?

    static func load() throws -> [RecordedExchange] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Recorded/kube-apiserver-1.36.jsonl")
        return try Data(contentsOf: file).split(separator: 0x0A).enumerated().map { index, line in
            RecordedExchange(index: index, try JSONValue(parsing: line))
        }
    }

    private init(index: Int, _ line: JSONValue) {
        let (request, response) = (line["request"] ?? [:], line["response"] ?? [:])
        self.index = index
        name = line["name"]?.stringValue ?? ""
        method = request["method"]?.stringValue ?? ""
        path = request["path"]?.stringValue ?? ""
        headers = (request["headers"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
        requestBody = request["body"] ?? .null
        status = Int(response["status"]?.integerValue ?? 0)
        contentType = response["headers"]?["Content-Type"]?.stringValue
        warning = response["headers"]?["Warning"]?.stringValue
        responseBody = response["body"] ?? .null
        stream = response["stream"]?.arrayValue
    }
}
