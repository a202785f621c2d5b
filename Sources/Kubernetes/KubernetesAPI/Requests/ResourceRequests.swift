import FoundationEssentials

/// Selectors and paging of a list.
public struct ListOptions: Hashable, Sendable {
    public var labelSelector: String?
    public var fieldSelector: String?
    /// Items in a page; nil asks for all at once.
    public var limit: Int?
    public var `continue`: String?
    public var resourceVersion: String?
    public var resourceVersionMatch: String?

    public init(
        labelSelector: String? = nil, fieldSelector: String? = nil, limit: Int? = nil,
        continue: String? = nil, resourceVersion: String? = nil, resourceVersionMatch: String? = nil
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.limit = limit
        self.continue = `continue`
        self.resourceVersion = resourceVersion
        self.resourceVersionMatch = resourceVersionMatch
    }

    var query: [QueryItem] {
        var items: [QueryItem] = []
        if let labelSelector { items.append(QueryItem("labelSelector", labelSelector)) }
        if let fieldSelector { items.append(QueryItem("fieldSelector", fieldSelector)) }
        if let limit { items.append(QueryItem("limit", String(limit))) }
        if let `continue` { items.append(QueryItem("continue", `continue`)) }
        if let resourceVersion { items.append(QueryItem("resourceVersion", resourceVersion)) }
        if let resourceVersionMatch { items.append(QueryItem("resourceVersionMatch", resourceVersionMatch)) }
        return items
    }
}

/// Selectors and settings of a watch.
public struct WatchOptions: Hashable, Sendable {
    public var labelSelector: String?
    public var fieldSelector: String?
    /// Version after which events are told; nil with `sendInitialEvents`.
    public var resourceVersion: String?
    /// Seconds after which the server ends the stream.
    public var timeoutSeconds: Int
    /// Whether the watch is a streaming list: it begins with the current objects as ADDED events, closed by a
    /// bookmark.
    public var sendInitialEvents: Bool

    public init(
        labelSelector: String? = nil, fieldSelector: String? = nil, resourceVersion: String? = nil,
        timeoutSeconds: Int = 300, sendInitialEvents: Bool = false
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.resourceVersion = resourceVersion
        self.timeoutSeconds = timeoutSeconds
        self.sendInitialEvents = sendInitialEvents
    }
}

/// `metav1.DeleteOptions`
public struct DeleteOptions: Hashable, Sendable, Codable {
    public struct Preconditions: Hashable, Sendable, Codable {
        public var uid: String?
        public var resourceVersion: String?
        public init(uid: String? = nil, resourceVersion: String? = nil) {
            self.uid = uid
            self.resourceVersion = resourceVersion
        }
    }

    public var apiVersion = "v1"
    public var kind = "DeleteOptions"
    public var preconditions: Preconditions?
    /// `Background`, `Foreground` or `Orphan`
    public var propagationPolicy: String?
    public var gracePeriodSeconds: Int64?

    public init(
        uid: String? = nil, propagationPolicy: String? = "Background", gracePeriodSeconds: Int64? = nil
    ) {
        preconditions = uid.map { Preconditions(uid: $0) }
        self.propagationPolicy = propagationPolicy
        self.gracePeriodSeconds = gracePeriodSeconds
    }
}

/// The body of a PATCH and its media type.
public enum Patch: Hashable, Sendable {
    /// RFC 7396
    case merge(JSONValue)
    /// RFC 6902
    case json([JSONValue])
    /// Built-in kinds only
    case strategic(JSONValue)
    /// Server-side apply
    case apply(JSONValue, fieldManager: String, force: Bool)

    public var contentType: String {
        switch self {
        case .merge: "application/merge-patch+json"
        case .json: "application/json-patch+json"
        case .strategic: "application/strategic-merge-patch+json"
        case .apply: "application/apply-patch+yaml"
        }
    }

    var body: Data {
        switch self {
        case .merge(let value), .strategic(let value), .apply(let value, _, _): value.serialized()
        case .json(let operations): JSONValue.array(operations).serialized()
        }
    }

    var query: [QueryItem] {
        guard case .apply(_, let fieldManager, let force) = self else { return [] }
        return [QueryItem("fieldManager", fieldManager)] + (force ? [QueryItem("force", "true")] : [])
    }
}

extension ResourceType {
    public func get(namespace: String?, name: String, subresource: String? = nil) -> APIRequest {
        APIRequest(method: .get, path: path(namespace: namespace, name: name, subresource: subresource))
    }

    public func list(namespace: String?, options: ListOptions = ListOptions()) -> APIRequest {
        APIRequest(method: .get, path: path(namespace: namespace), query: options.query)
    }

    public func watch(namespace: String?, options: WatchOptions) -> APIRequest {
        var query = [
            QueryItem("watch", "true"), QueryItem("allowWatchBookmarks", "true"),
            QueryItem("timeoutSeconds", String(options.timeoutSeconds)),
        ]
        if let selector = options.labelSelector { query.append(QueryItem("labelSelector", selector)) }
        if let selector = options.fieldSelector { query.append(QueryItem("fieldSelector", selector)) }
        if options.sendInitialEvents {
            query.append(QueryItem("sendInitialEvents", "true"))
            query.append(QueryItem("resourceVersionMatch", "NotOlderThan"))
        }
        if let version = options.resourceVersion { query.append(QueryItem("resourceVersion", version)) }
        return APIRequest(method: .get, path: path(namespace: namespace), query: query)
    }

    public func create(
        namespace: String?, body: Data, fieldManager: String?, dryRun: Bool = false,
        subresource: (name: String, of: String)? = nil
    ) -> APIRequest {
        var query: [QueryItem] = []
        if let fieldManager { query.append(QueryItem("fieldManager", fieldManager)) }
        if dryRun { query.append(QueryItem("dryRun", "All")) }
        return APIRequest(
            method: .post,
            path: path(namespace: namespace, name: subresource?.of, subresource: subresource?.name),
            query: query, contentType: "application/json", body: body)
    }

    public func update(
        namespace: String?, name: String, body: Data, fieldManager: String?, subresource: String? = nil
    ) -> APIRequest {
        APIRequest(
            method: .put, path: path(namespace: namespace, name: name, subresource: subresource),
            query: fieldManager.map { [QueryItem("fieldManager", $0)] } ?? [],
            contentType: "application/json", body: body)
    }

    public func patch(
        namespace: String?, name: String, _ patch: Patch, subresource: String? = nil, dryRun: Bool = false
    ) -> APIRequest {
        APIRequest(
            method: .patch, path: path(namespace: namespace, name: name, subresource: subresource),
            query: patch.query + (dryRun ? [QueryItem("dryRun", "All")] : []),
            contentType: patch.contentType, body: patch.body)
    }

    public func delete(namespace: String?, name: String, options: DeleteOptions) throws -> APIRequest {
        APIRequest(
            method: .delete, path: path(namespace: namespace, name: name),
            contentType: "application/json", body: try JSONEncoder().encode(options))
    }
}
