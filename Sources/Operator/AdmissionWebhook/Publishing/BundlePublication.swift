import FoundationEssentials
import KubernetesAPI

/// Publication of the trusted authorities in webhook configurations.
enum BundlePublication {
    static func isPublished(_ bundle: Data, in webhooks: [RegisteredWebhook]) -> Bool {
        webhooks.allSatisfy { $0.clientConfig?.caBundle == bundle }
    }

    /// The RFC 6902 operations that write the bundle into the webhooks that lack it; empty if none does. They
    /// hold only while the webhooks are the observed ones.
    static func patch(_ bundle: Data, for webhooks: [RegisteredWebhook]) -> [JSONValue] {
        webhooks.enumerated().flatMap { index, webhook -> [JSONValue] in
            guard webhook.clientConfig?.caBundle != bundle else { return [] }
            let path = "/webhooks/\(index)"
            return [
                ["op": "test", "path": .string("\(path)/name"), "value": .string(webhook.name)],
                [
                    "op": "add", "path": .string("\(path)/clientConfig/caBundle"),
                    "value": .string(bundle.base64EncodedString()),
                ],
            ]
        }
    }
}
