import APIServer
import KubernetesAPI
import ObjectPatching

/// Calls the cluster's mutating and validating admission webhooks.
public struct WebhookAdmission: AdmissionPlugin {
    private let caller: WebhookCaller
    private let reinvoked: [any AdmissionPlugin]

    /// - Parameters:
    ///   - makeUID: identifies each call.
    ///   - reinvoked: plugins that look again at an object which webhooks have changed.
    public init(
        transport: any WebhookTransport, makeUID: @escaping @Sendable () -> String,
        reinvoked: [any AdmissionPlugin] = []
    ) {
        caller = WebhookCaller(transport: transport, makeUID: makeUID)
        self.reinvoked = reinvoked
    }

    // MARK: Mutating webhooks, one after the other

    public func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard Self.mayBeSeen(request) else { return }
        let original = request.object
        /// The webhooks that want to see later changes, with what they have seen.
        var interested: [(webhook: Webhook, seen: JSONValue?)] = []
        for webhook in try await Webhook.all(.mutating, in: cluster) {
            guard try await mutate(&request, webhook, cluster) else { continue }
            if webhook.isReinvoked { interested.append((webhook, request.object)) }
        }
        guard request.object != original else { return }
        for plugin in reinvoked { try await plugin.admit(&request, cluster) }
        for (webhook, seen) in interested where seen != request.object {
            _ = try await mutate(&request, webhook, cluster)
        }
    }

    /// - Returns: whether the webhook was called and has answered.
    private func mutate(
        _ request: inout AdmissionRequest, _ webhook: Webhook, _ cluster: any AdmissionCluster
    ) async throws(APIError) -> Bool {
        guard let answer = try await ask(webhook, .mutating, about: request, in: cluster) else {
            return false
        }
        answer.warnings.forEach(request.warnings.add)
        guard answer.isAllowed else { throw answer.refusal(by: webhook.name) }
        guard let patch = answer.patch else { return true }
        guard let object = request.object else {
            throw .internalError(
                "admission webhook \"\(webhook.name)\" attempted to modify the object, which is not "
                    + "supported for this operation")
        }
        do {
            request.object = try ObjectPatcher.applyPatch(.json, patch, to: object)
        } catch {
            throw .internalError(
                "admission webhook \"\(webhook.name)\" answered with a patch that cannot be applied: "
                    + patch.text.prefix(1024))
        }
        return true
    }

    // MARK: Validating webhooks, all at once

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard Self.mayBeSeen(request) else { return }
        let webhooks = try await Webhook.all(.validating, in: cluster)
        guard !webhooks.isEmpty else { return }
        let outcomes = await withTaskGroup(of: (Int, Result<WebhookAnswer?, APIError>).self) { group in
            for (index, webhook) in webhooks.enumerated() {
                group.addTask {
                    do throws(APIError) {
                        let answer = try await ask(webhook, .validating, about: request, in: cluster)
                        return (index, .success(answer))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        // The order is that of the webhooks, so that the same request gets the same answer.
        for (index, outcome) in outcomes.sorted(by: { $0.0 < $1.0 }) {
            guard let answer = try outcome.get() else { continue }
            answer.warnings.forEach(request.warnings.add)
            guard answer.isAllowed else { throw answer.refusal(by: webhooks[index].name) }
        }
    }

    // MARK: One webhook

    /// Webhooks cannot lock an administrator out of their own configuration.
    private static func mayBeSeen(_ request: AdmissionRequest) -> Bool {
        guard request.definition.type.group == Webhook.group else { return true }
        return !["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]
            .contains(request.definition.type.plural)
    }

    /// Answer of the webhook; nil if it doesn't want to see the request, or couldn't be asked and its policy
    /// ignores that.
    private func ask(
        _ webhook: Webhook, _ kind: Webhook.Kind, about request: AdmissionRequest,
        in cluster: any AdmissionCluster
    ) async throws(APIError) -> WebhookAnswer? {
        guard try await WebhookMatch.matches(webhook, request, cluster) else { return nil }
        guard !request.isDryRun || webhook.allowsDryRun else {
            throw .badRequest("admission webhook \"\(webhook.name)\" does not support dry run")
        }
        do {
            return try await caller.ask(webhook, kind, about: request, in: cluster)
        } catch {
            if webhook.ignoresFailures { return nil }
            throw .internalError("failed calling webhook \"\(webhook.name)\": \(error.message)")
        }
    }
}
