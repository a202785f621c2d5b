import APIServer
import FoundationEssentials
import KubernetesAPI

/// One webhook of a `MutatingWebhookConfiguration` or a `ValidatingWebhookConfiguration`.
struct Webhook: Sendable {
    enum Kind: Sendable {
        case mutating, validating

        /// The resource in which these webhooks are configured.
        var plural: String {
            switch self {
            case .mutating: "mutatingwebhookconfigurations"
            case .validating: "validatingwebhookconfigurations"
            }
        }
    }

    enum Endpoint: Sendable {
        case url(String)
        case service(namespace: String, name: String, path: String, port: Int64)
    }

    static let group = "admissionregistration.k8s.io"

    /// Name of the webhook, fully qualified: `validate.anneal.dev`.
    var name: String
    var endpoint: Endpoint
    /// Certificates of the authority, in PEM; nil for the system's authorities.
    var authority: Data?
    var rules: [WebhookRule]
    var ignoresFailures: Bool
    var namespaceSelector: LabelSelector
    var objectSelector: LabelSelector
    var allowsDryRun: Bool
    /// Seconds that a call may take, 1 to 30.
    var timeoutSeconds: Int64
    var isReinvoked: Bool
    /// CEL expressions, all of which must hold, by name.
    var matchConditions: [(name: String, expression: String)]

    /// Reads a webhook; nil if it lacks members that validation demands, so that a broken one cannot stop the
    /// others.
    init?(_ webhook: JSONValue) {
        guard let name = webhook["name"]?.stringValue,
            let endpoint = Endpoint(webhook["clientConfig"] ?? [:])
        else { return nil }
        self.name = name
        self.endpoint = endpoint
        authority = webhook[path: ["clientConfig", "caBundle"]]?.stringValue
            .flatMap { Data(base64Encoded: $0) }
            .flatMap { $0.isEmpty ? nil : $0 }
        rules = (webhook["rules"]?.arrayValue ?? []).map { WebhookRule($0) }
        ignoresFailures = webhook["failurePolicy"]?.stringValue == "Ignore"
        namespaceSelector = LabelSelector(webhook["namespaceSelector"])
        objectSelector = LabelSelector(webhook["objectSelector"])
        let sideEffects = webhook["sideEffects"]?.stringValue
        allowsDryRun = sideEffects == "None" || sideEffects == "NoneOnDryRun"
        timeoutSeconds = min(max(webhook["timeoutSeconds"]?.integerValue ?? 10, 1), 30)
        isReinvoked = webhook["reinvocationPolicy"]?.stringValue == "IfNeeded"
        matchConditions = (webhook["matchConditions"]?.arrayValue ?? []).map { condition in
            (condition["name"]?.stringValue ?? "", condition["expression"]?.stringValue ?? "")
        }
    }

    /// All webhooks of a kind, in the order in which they are called: by the configurations' names.
    static func all(_ kind: Kind, in cluster: any AdmissionCluster) async throws(APIError) -> [Webhook] {
        guard cluster.definition(group: group, plural: kind.plural) != nil else { return [] }
        return try await cluster.list(group: group, plural: kind.plural, namespace: nil)
            .map { (name: $0[path: ["metadata", "name"]]?.stringValue ?? "", value: $0) }
            .sorted { $0.name < $1.name }
            .flatMap { ($0.value["webhooks"]?.arrayValue ?? []).compactMap { Webhook($0) } }
    }
}

extension Webhook.Endpoint {
    fileprivate init?(_ configuration: JSONValue) {
        if let url = configuration["url"]?.stringValue {
            self = .url(url)
            return
        }
        guard let service = configuration["service"], let name = service["name"]?.stringValue,
            let namespace = service["namespace"]?.stringValue
        else { return nil }
        self = .service(
            namespace: namespace, name: name, path: service["path"]?.stringValue ?? "",
            port: service["port"]?.integerValue ?? 443)
    }
}
