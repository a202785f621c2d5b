import KubernetesAPI

/// Everything about one request on a resource that its handlers need.
struct RequestContext: Sendable {
    enum FieldValidation: Sendable { case ignore, warn, strict }

    var request: IncomingRequest
    var path: ResourcePath
    var resource: ServedResource
    var user: UserInfo
    let warnings: WarningCollector
    var now: Timestamp
    /// Name of the manager that the written fields will belong to.
    var fieldManager: String
    var isDryRun: Bool
    var fieldValidation: FieldValidation

    var definition: ResourceDefinition { resource.definition }
    var type: ResourceType { resource.type }
    var key: ObjectKey {
        ObjectKey(namespace: type.isNamespaced ? path.namespace : "", name: path.name)
    }

    init(
        request: IncomingRequest, path: ResourcePath, resource: ServedResource, user: UserInfo,
        warnings: WarningCollector, now: Timestamp
    ) throws(APIError) {
        self.request = request
        self.path = path
        self.resource = resource
        self.user = user
        self.warnings = warnings
        self.now = now
        let agent = request.headers["user-agent"] ?? ""
        fieldManager = request.query["fieldManager"] ?? Self.manager(userAgent: agent)
        let dryRun = request.query.all("dryRun").filter { !$0.isEmpty }
        guard dryRun.allSatisfy({ $0 == "All" }) else {
            let options = ResourceType(group: "meta.k8s.io", version: "v1", kind: "CreateOptions", plural: "")
            throw .invalid(
                options, name: "",
                [.notSupported("dryRun", .array(dryRun.map(JSONValue.string)), supported: ["All"])])
        }
        isDryRun = !dryRun.isEmpty
        switch request.query["fieldValidation"] {
        case "Strict": fieldValidation = .strict
        case "Ignore": fieldValidation = .ignore
        case nil, "Warn": fieldValidation = .warn
        case let other?:
            let options = ResourceType(group: "meta.k8s.io", version: "v1", kind: "CreateOptions", plural: "")
            throw .invalid(
                options, name: "",
                [
                    .notSupported(
                        "fieldValidation", .string(other), supported: ["", "Ignore", "Strict", "Warn"])
                ])
        }
    }

    /// The program's name in its user agent: `kubectl/v1.32.4 …` is `kubectl`.
    private static func manager(userAgent: String) -> String {
        let name = userAgent.prefix { $0 != "/" && !$0.isWhitespace }
        return name.isEmpty ? "unknown" : String(name.prefix(128))
    }

    var strategyContext: StrategyContext { StrategyContext(now: now, user: user.name) }
}
