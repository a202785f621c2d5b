import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// What is decided about the objects of one kind, beyond what its schema says.
public struct AdmissionPolicy: Sendable {
    /// What is wrong with a spec, and what is only worth saying.
    struct Findings: Sendable {
        var errors: [FieldError] = []
        var warnings: [String] = []
    }

    public let type: ResourceType
    /// For a request about the object itself that creates it or changes its spec.
    let judge: @Sendable (AdmissionRequest) -> Findings

    /// - Parameters:
    ///   - problems: what is wrong with an object by itself. An update is refused only for what the old
    ///     object did not suffer from, so that what was stored before a rule was made stays usable.
    ///   - conflicts: what keeps an object from being created beside those that there are.
    ///   - warnings: of a new object, or of a change.
    public init<R: KubernetesResource>(
        _: R.Type, problems: @escaping @Sendable (R) -> [FieldError],
        conflicts: @escaping @Sendable (R) -> [FieldError] = { _ in [] },
        warnings: @escaping @Sendable (_ new: R, _ old: R?) -> [String] = { _, _ in [] }
    ) {
        type = R.resourceType
        judge = { request in
            let new: R
            switch Self.decode(request.object, as: R.self) {
            case .success(let object): new = object
            case .failure(let error):
                guard case .failure(let before) = Self.decode(request.oldObject, as: R.self), before == error
                else { return Findings(errors: [error]) }
                return Findings(warnings: ["this release of Anneal can't read it: \(error)"])
            }
            let old = request.oldObject.flatMap { try? Self.decode($0, as: R.self).get() }
            var errors = problems(new)
            if let old, !errors.isEmpty {
                let known = Set(problems(old))
                errors.removeAll { known.contains($0) }
            }
            if request.operation == .create { errors += conflicts(new) }
            return Findings(errors: errors, warnings: warnings(new, old))
        }
    }

    private static func decode<R: KubernetesResource>(
        _ value: JSONValue?, as _: R.Type
    ) -> Result<R, FieldError> {
        do {
            return .success(try (value ?? .null).decoded())
        } catch {
            return .failure(
                FieldError(
                    code: .typeInvalid, field: "<nil>",
                    message: "Invalid value: \(DecodingFailure.describe(error))"))
        }
    }
}

/// Decides about requests; knows nothing but what it is asked, and changes nothing.
public struct AdmissionController: Sendable {
    private let policies: [String: AdmissionPolicy]

    public init(_ policies: [AdmissionPolicy]) {
        self.policies = Dictionary(
            policies.map { ("\($0.type.apiVersion)/\($0.type.kind)", $0) },
            uniquingKeysWith: { _, last in last })
    }

    /// For the mutating webhook: stamps who created the object. Nothing in a spec is ever changed, since
    /// what a repository says and what the cluster holds must stay the same.
    public func mutate(_ request: AdmissionRequest) -> AdmissionDecision {
        switch policy(for: request) {
        case .failure(let refusal): refusal.decision
        case .success(nil): .allowed()
        case .success: .allowed(patch: CreatorStamp.patch(for: request))
        }
    }

    /// For the validating webhook.
    public func validate(_ request: AdmissionRequest) -> AdmissionDecision {
        let policy: AdmissionPolicy
        switch self.policy(for: request) {
        case .failure(let refusal): return refusal.decision
        case .success(nil): return .allowed()
        case .success(let found?): policy = found
        }
        var findings = AdmissionPolicy.Findings()
        // What only loses a finalizer, or gains a label, is not judged again.
        if request.object?["spec"] != request.oldObject?["spec"] { findings = policy.judge(request) }
        if let error = CreatorStamp.problem(in: request) { findings.errors.insert(error, at: 0) }
        guard findings.errors.isEmpty else {
            return .invalid(request, findings.errors, warnings: findings.warnings)
        }
        return .allowed(warnings: findings.warnings)
    }

    func knows(kind: String) -> Bool { policies.values.contains { $0.type.kind == kind } }

    private struct Refusal: Error {
        var decision: AdmissionDecision
    }

    /// Nil where there is nothing to decide: deletions and subresources.
    private func policy(for request: AdmissionRequest) -> Result<AdmissionPolicy?, Refusal> {
        let apiVersion = request.group.isEmpty ? request.version : "\(request.group)/\(request.version)"
        guard let policy = policies["\(apiVersion)/\(request.kind)"] else {
            let known = policies.values.map { "\($0.type.kind) of \($0.type.apiVersion)" }.sorted()
            let message =
                "this release of Anneal's webhook decides about \(known.joined(separator: " and ")) and was "
                + "asked about \(request.kind) of \(apiVersion): upgrade the operator, or remove the kind "
                + "from the rules of the webhook configuration"
            return .failure(
                Refusal(decision: .refused(Status(message: message, reason: "BadRequest", code: 400))))
        }
        switch request.operation {
        case .create, .update: return .success(request.subresource.isEmpty ? policy : nil)
        case .delete, .connect: return .success(nil)
        }
    }
}
