import AnnealAPI
import KubernetesAPI
import KubernetesClient

/// Decides about requests by the policy of their kind. It keeps no state.
public struct AdmissionController: Sendable {
    private let policies: [String: AdmissionPolicy]

    /// - Parameter policies: one for each kind; of two, the last counts.
    public init(_ policies: [AdmissionPolicy]) {
        self.policies = Dictionary(
            policies.map { ("\($0.type.apiVersion)/\($0.type.kind)", $0) },
            uniquingKeysWith: { _, last in last })
    }

    /// Answers the mutating webhook, which stamps an object with its creator. It never changes a spec, since
    /// the cluster must hold what a repository says.
    public func mutate(_ request: AdmissionRequest) -> AdmissionDecision {
        switch route(request) {
        case .answered(let decision): decision
        case .judged:
            request.isWriteOfObject ? .allowed(patch: CreatorStamp.patch(for: request)) : .allowed()
        }
    }

    /// Answers the validating webhook. A judge that asks others has until the deadline.
    public func validate(
        _ request: AdmissionRequest, until deadline: ReviewDeadline, asking access: AccessReviewer
    ) async -> AdmissionDecision {
        switch begin(request) {
        case .decided(let decision): return decision
        case .asking(let policy, let judge):
            do {
                return decision(on: request, try await deadline.run { try await judge(request, access) })
            } catch {
                return undecided(request, policy, error, deadline)
            }
        }
    }

    /// Answers the validating webhook if nobody else need be asked; nil if the kind's judge must ask.
    public func decide(_ request: AdmissionRequest) -> AdmissionDecision? {
        if case .decided(let decision) = begin(request) { decision } else { nil }
    }

    /// Resources that the rules of the validating webhook must name, such as `trainingjobs/status`, each with its
    /// operations.
    public var validatingRules: [String: Set<AdmissionRequest.Operation>] {
        var found: [String: Set<AdmissionRequest.Operation>] = [:]
        for policy in policies.values {
            for rule in policy.rules {
                let resource = policy.type.plural + (rule.subresource.map { "/\($0)" } ?? "")
                found[resource, default: []].formUnion(rule.operations)
            }
        }
        return found
    }

    /// Resources that the rules of the mutating webhook must name, which stamps new objects and guards the
    /// stamp of old ones.
    public var mutatingRules: [String: Set<AdmissionRequest.Operation>] {
        validatingRules.filter { !$0.key.contains("/") }
            .mapValues { $0.intersection([.create, .update]) }.filter { !$0.value.isEmpty }
    }

    func knows(kind: String) -> Bool { policies.values.contains { $0.type.kind == kind } }

    private enum Route {
        case answered(AdmissionDecision)
        case judged(AdmissionPolicy)
    }

    private enum Beginning {
        case decided(AdmissionDecision)
        case asking(AdmissionPolicy, AdmissionPolicy.AskingJudge)
    }

    private func begin(_ request: AdmissionRequest) -> Beginning {
        let policy: AdmissionPolicy
        switch route(request) {
        case .answered(let answer): return .decided(answer)
        case .judged(let found): policy = found
        }
        // An update that only removes a finalizer, or adds a label, is not judged again.
        let isUntouched =
            request.operation == .update && request.subresource == nil
            && request.object?["spec"] == request.oldObject?["spec"]
        if isUntouched { return .decided(decision(on: request, AdmissionPolicy.Findings())) }
        switch policy.judge {
        case .immediate(let judge): return .decided(decision(on: request, judge(request)))
        case .asking(let judge): return .asking(policy, judge)
        }
    }

    private func decision(
        on request: AdmissionRequest, _ findings: AdmissionPolicy.Findings
    ) -> AdmissionDecision {
        var errors = findings.errors
        if request.isWriteOfObject, let error = CreatorStamp.problem(in: request) {
            errors.insert(error, at: 0)
        }
        guard errors.isEmpty else { return .invalid(request, errors, warnings: findings.warnings) }
        if let denial = findings.denial {
            return .refused(
                Status(message: "\(request.subject) is forbidden: \(denial)", reason: "Forbidden", code: 403),
                warnings: findings.warnings)
        }
        return .allowed(warnings: findings.warnings)
    }

    private func undecided(
        _ request: AdmissionRequest, _ policy: AdmissionPolicy, _ error: any Error,
        _ deadline: ReviewDeadline
    ) -> AdmissionDecision {
        let isLate = error is ReviewDeadline.Passed
        let cause =
            isLate ? "reached no decision within \(deadline.limit)" : "could not decide: \(error)"
        // The stamp is decided without asking anyone.
        let sure = decision(on: request, AdmissionPolicy.Findings())
        guard sure.isAllowed else { return sure }
        switch policy.fallback {
        case .allow:
            return .allowed(warnings: ["Anneal's webhook \(cause); the request is let through unjudged"])
        case .refuse:
            return .refused(
                Status(
                    message: "\(request.subject): Anneal's webhook \(cause); try again",
                    reason: isLate ? "Timeout" : "InternalError", code: isLate ? 504 : 500))
        }
    }

    /// The kind's policy if it wants the request; otherwise the answer.
    private func route(_ request: AdmissionRequest) -> Route {
        let apiVersion = request.group.isEmpty ? request.version : "\(request.group)/\(request.version)"
        guard let policy = policies["\(apiVersion)/\(request.kind)"] else {
            let known = policies.values.map { "\($0.type.kind) of \($0.type.apiVersion)" }.sorted()
            let message =
                "this release of Anneal's webhook decides about \(known.joined(separator: " and ")) and was "
                + "asked about \(request.kind) of \(apiVersion): upgrade the operator, or remove the kind "
                + "from the rules of the webhook configuration"
            return .answered(.refused(Status(message: message, reason: "BadRequest", code: 400)))
        }
        if policy.wants(request) { return .judged(policy) }
        let isUsual =
            request.operation != .connect && (request.subresource ?? "status") == "status"
        if isUsual { return .answered(.allowed()) }
        let resource = policy.type.plural + (request.subresource.map { "/\($0)" } ?? "")
        return .answered(
            .allowed(warnings: [
                "Anneal's webhook has no opinion on \(request.operation.rawValue) of \(resource): remove it from "
                    + "the rules of the webhook configuration"
            ]))
    }
}

extension AdmissionRequest {
    /// Whether the request creates or updates the object itself, rather than a part of it.
    var isWriteOfObject: Bool { subresource == nil && (operation == .create || operation == .update) }

    /// Kind and name as they stand in messages.
    var subject: String { "\(kind).\(group)" + (name.isEmpty ? "" : " \"\(name)\"") }
}
