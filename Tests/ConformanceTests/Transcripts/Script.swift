import AnnealAPI
import KubernetesAPI
import KubernetesClient

/// Requests that belong together, sent to each back end in turn.
struct Script: Sendable, CustomStringConvertible {
    var description: String
    /// Whether it is about built-in kinds, which not every server has.
    var needsCoreResources = false
    var run: @Sendable (inout Transcript, Objects) async throws -> Void

    init(
        _ description: String, needsCoreResources: Bool = false,
        run: @escaping @Sendable (inout Transcript, Objects) async throws -> Void
    ) {
        self.description = description
        self.needsCoreResources = needsCoreResources
        self.run = run
    }

    static let all = creation + updates + statuses + deletions + applies + lists + options + podOptions
}

/// Requests about the evaluation runs of one namespace.
struct Objects: Sendable {
    let namespace: String
    private var type: ResourceType { EvalRun.resourceType }

    init(namespace: String) { self.namespace = namespace }

    /// A complete manifest.
    func manifest(_ name: String, spec: JSONValue = Objects.spec) -> JSONValue {
        [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
            "metadata": ["name": .string(name), "namespace": .string(namespace)], "spec": spec,
        ]
    }

    static let spec: JSONValue = [
        "model": ["storageUri": "s3://models/base/"],
        "evaluator": ["image": "example/evaluate:1"],
        "suites": [
            [
                "name": "quality", "type": "perplexity",
                "data": ["storageUri": "s3://datasets/validation.jsonl"],
            ]
        ],
    ]

    func create(_ object: JSONValue, query: [QueryItem] = []) -> APIRequest {
        var request = type.create(namespace: namespace, body: object.serialized(), fieldManager: "creator")
        request.query += query
        return request
    }

    func get(_ name: String, subresource: String? = nil) -> APIRequest {
        type.get(namespace: namespace, name: name, subresource: subresource)
    }

    func list(_ options: ListOptions = ListOptions()) -> APIRequest {
        type.list(namespace: namespace, options: options)
    }

    func update(_ name: String, _ object: JSONValue, subresource: String? = nil) -> APIRequest {
        type.update(
            namespace: namespace, name: name, body: object.serialized(), fieldManager: "updater",
            subresource: subresource)
    }

    func patch(
        _ name: String, _ patch: Patch, subresource: String? = nil, query: [QueryItem] = []
    ) -> APIRequest {
        var request = type.patch(namespace: namespace, name: name, patch, subresource: subresource)
        if !request.query.contains(where: { $0.name == "fieldManager" }) {
            request.query.append(QueryItem("fieldManager", "patcher"))
        }
        request.query += query
        return request
    }

    /// A request with nothing added to it, to the evaluation runs or to what `path` names in the namespace.
    func raw(
        _ method: APIRequest.Method, _ path: String? = nil, name: String? = nil, query: [QueryItem] = [],
        body: JSONValue? = nil, contentType: String = "application/json"
    ) -> APIRequest {
        let target =
            path.map { "/api/v1/namespaces/\(namespace)/\($0)" }
            ?? type.path(namespace: namespace, name: name)
        return APIRequest(
            method: method, path: target, query: query, contentType: body == nil ? nil : contentType,
            body: body?.serialized())
    }

    func delete(_ name: String, options: DeleteOptions = DeleteOptions()) throws -> APIRequest {
        try type.delete(namespace: namespace, name: name, options: options)
    }
}
