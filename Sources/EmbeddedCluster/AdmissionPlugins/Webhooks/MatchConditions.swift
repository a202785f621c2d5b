import APIServer
import KubernetesAPI
import StructuralSchema

/// The `matchConditions` of a webhook.
enum MatchConditions {
    /// Whether all conditions hold. One that is false decides, whatever the others fail with.
    ///
    /// - Throws: where a condition cannot be evaluated and the webhook's `failurePolicy` is `Fail`.
    static func hold(for webhook: Webhook, _ request: AdmissionRequest) throws(APIError) -> Bool {
        guard !webhook.matchConditions.isEmpty else { return true }
        let attributes = AdmissionReview.attributes(of: request, uid: request.uid)
        let variables = [
            "object": request.object ?? .null, "oldObject": request.oldObject ?? .null,
            "request": attributes,
        ]
        var failures: [String] = []
        for (name, expression) in webhook.matchConditions {
            do {
                guard try CELCondition.holds(expression, variables: variables) else { return false }
            } catch {
                failures.append("failed to evaluate match condition '\(name)': \(error.message)")
            }
        }
        guard !failures.isEmpty else { return true }
        if webhook.ignoresFailures { return false }
        throw request.forbidden(failures.joined(separator: ", "))
    }
}
