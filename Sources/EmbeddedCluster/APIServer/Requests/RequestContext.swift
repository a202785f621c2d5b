import KubernetesAPI

/// Everything about one request on a resource that its handlers need.
struct RequestContext: Sendable {
    var request: IncomingRequest
    var path: ResourcePath
    var resource: ServedResource
    var user: UserInfo
    let warnings: WarningCollector
    var now: Timestamp
    /// Options of a write; those of a deletion have their own type.
    var options = WriteOptions()

    var isDryRun: Bool { options.isDryRun }
    var fieldValidation: WriteOptions.FieldValidation { options.fieldValidation }
    /// Name of the manager that the written fields will belong to.
    var fieldManager: String {
        options.fieldManager ?? Self.manager(userAgent: request.headers["user-agent"] ?? "")
    }
    var definition: ResourceDefinition { resource.definition }
    var type: ResourceType { resource.type }
    var key: ObjectKey {
        ObjectKey(namespace: type.isNamespaced ? path.namespace : "", name: path.name)
    }

    init(
        request: IncomingRequest, path: ResourcePath, resource: ServedResource, user: UserInfo,
        warnings: WarningCollector, now: Timestamp
    ) {
        self.request = request
        self.path = path
        self.resource = resource
        self.user = user
        self.warnings = warnings
        self.now = now
    }

    /// The program's name in its user agent: `kubectl/v1.32.4 …` is `kubectl`.
    private static func manager(userAgent: String) -> String {
        let name = userAgent.prefix { $0 != "/" && !$0.isWhitespace }
        return name.isEmpty ? "unknown" : String(name.prefix(128))
    }

    var strategyContext: StrategyContext { StrategyContext(now: now, user: user.name) }
}
