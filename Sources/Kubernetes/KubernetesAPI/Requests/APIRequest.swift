import Encodings
import FoundationEssentials

/// A request to an API server, as a value.
public struct APIRequest: Hashable, Sendable {
    public enum Method: String, Sendable {
        case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
    }

    public var method: Method
    /// Percent-encoded path that begins with `/`.
    public var path: String
    public var query: [QueryItem]
    public var contentType: String?
    public var accept: String
    public var body: Data?

    public init(
        method: Method, path: String, query: [QueryItem] = [], contentType: String? = nil,
        accept: String = "application/json", body: Data? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.contentType = contentType
        self.accept = accept
        self.body = body
    }

    /// Path and percent-encoded query.
    public var target: String {
        guard !query.isEmpty else { return path }
        let encoded = query.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }
        return path + "?" + encoded.joined(separator: "&")
    }
}

public struct QueryItem: Hashable, Sendable {
    public var name: String
    public var value: String
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension ResourceType {
    /// The path of the collection (without `name`), of one object, or of its subresource.
    public func path(namespace: String?, name: String? = nil, subresource: String? = nil) -> String {
        var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        if isNamespaced, let namespace, !namespace.isEmpty {
            path += "/namespaces/\(PercentEncoding.encode(namespace))"
        }
        path += "/\(plural)"
        if let name { path += "/\(PercentEncoding.encode(name))" }
        if let subresource { path += "/\(subresource)" }
        return path
    }
}
