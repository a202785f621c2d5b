import APIServer
import KubernetesAPI

/// Whether a webhook wants to see a request.
enum WebhookMatch {
    static func matches(
        _ webhook: Webhook, _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) -> Bool {
        guard webhook.rules.contains(where: { $0.matches(request) }), matchesObject(webhook, request),
            try await matchesNamespace(webhook, request, cluster)
        else { return false }
        return try MatchConditions.hold(for: webhook, request)
    }

    /// Whether one of the object's two versions, old and new, matches.
    private static func matchesObject(_ webhook: Webhook, _ request: AdmissionRequest) -> Bool {
        webhook.objectSelector.isEmpty
            || [request.object, request.oldObject].contains { object in
                object.map { webhook.objectSelector.matches($0[path: ["metadata", "labels"]]) } ?? false
            }
    }

    /// A namespace is selected by its own labels; what belongs to none is always selected.
    private static func matchesNamespace(
        _ webhook: Webhook, _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) -> Bool {
        let selector = webhook.namespaceSelector
        guard !selector.isEmpty else { return true }
        let type = request.definition.type
        if type.group.isEmpty, type.plural == "namespaces" {
            return selector.matches((request.object ?? request.oldObject)?[path: ["metadata", "labels"]])
        }
        guard !request.namespace.isEmpty else { return true }
        let namespace = try await cluster.get(
            group: "", plural: "namespaces", namespace: "", name: request.namespace)
        return selector.matches(namespace?[path: ["metadata", "labels"]])
    }
}
