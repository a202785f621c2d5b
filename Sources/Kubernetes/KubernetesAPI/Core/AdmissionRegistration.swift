import FoundationEssentials

/// The part of an `admissionregistration.k8s.io/v1` configuration that concerns its webhooks' certificates.
public protocol WebhookConfiguration: KubernetesResource {
    var webhooks: [RegisteredWebhook]? { get }
}

/// One webhook of a configuration.
public struct RegisteredWebhook: Codable, Hashable, Sendable {
    public struct ClientConfig: Codable, Hashable, Sendable {
        /// Authorities in PEM, base64 on the wire; nil for those that the server trusts.
        public var caBundle: Data?

        public init(caBundle: Data? = nil) { self.caBundle = caBundle }
    }

    public var name: String
    public var clientConfig: ClientConfig?

    public init(name: String, clientConfig: ClientConfig? = nil) {
        self.name = name
        self.clientConfig = clientConfig
    }
}

/// `admissionregistration.k8s.io/v1` `ValidatingWebhookConfiguration`
public struct ValidatingWebhookConfiguration: WebhookConfiguration, Hashable {
    public static let resourceType = ResourceType(
        group: "admissionregistration.k8s.io", version: "v1", kind: "ValidatingWebhookConfiguration",
        plural: "validatingwebhookconfigurations", isNamespaced: false)

    public var apiVersion: String? = ValidatingWebhookConfiguration.resourceType.apiVersion
    public var kind: String? = ValidatingWebhookConfiguration.resourceType.kind
    public var metadata: ObjectMeta
    public var webhooks: [RegisteredWebhook]?

    public init(metadata: ObjectMeta, webhooks: [RegisteredWebhook]? = nil) {
        self.metadata = metadata
        self.webhooks = webhooks
    }
}

/// `admissionregistration.k8s.io/v1` `MutatingWebhookConfiguration`
public struct MutatingWebhookConfiguration: WebhookConfiguration, Hashable {
    public static let resourceType = ResourceType(
        group: "admissionregistration.k8s.io", version: "v1", kind: "MutatingWebhookConfiguration",
        plural: "mutatingwebhookconfigurations", isNamespaced: false)

    public var apiVersion: String? = MutatingWebhookConfiguration.resourceType.apiVersion
    public var kind: String? = MutatingWebhookConfiguration.resourceType.kind
    public var metadata: ObjectMeta
    public var webhooks: [RegisteredWebhook]?

    public init(metadata: ObjectMeta, webhooks: [RegisteredWebhook]? = nil) {
        self.metadata = metadata
        self.webhooks = webhooks
    }
}
