import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Decisions about the objects of one kind, beyond those of its schema.
public struct AdmissionPolicy: Sendable {
    /// Objections to a request, and remarks on it.
    public struct Findings: Sendable {
        /// Errors in the object, which refuse the request as invalid.
        public var errors: [FieldError]
        /// Reason why this user may not make this request, for people; nil if the user may.
        public var denial: String?
        /// Remarks that the user is shown, whatever is decided.
        public var warnings: [String]

        /// Makes findings without objections, apart from those given.
        public init(errors: [FieldError] = [], denial: String? = nil, warnings: [String] = []) {
            self.errors = errors
            self.denial = denial
            self.warnings = warnings
        }
    }

    /// Requests that a policy wants to judge, as a rule of a webhook configuration names them.
    public struct Rule: Hashable, Sendable {
        /// Part of the object, such as `status`; nil for the object itself.
        public var subresource: String?
        /// Operations on it.
        public var operations: Set<AdmissionRequest.Operation>

        /// Operations on the object itself, or on a part of it.
        public init(_ operations: Set<AdmissionRequest.Operation>, subresource: String? = nil) {
            self.operations = operations
            self.subresource = subresource
        }

        /// Creations and updates of the object itself.
        public static let writes = Rule([.create, .update])
    }

    /// Answer to a request on which the judge reached no decision, because it was late or failed.
    public enum Fallback: Sendable {
        /// A refusal, which asks the user to try again.
        case refuse
        /// An allowance with a warning.
        case allow
    }

    /// A judge that asks others, and may wait for them until the request's deadline, at which it is
    /// cancelled.
    public typealias AskingJudge =
        @Sendable (_ request: AdmissionRequest, _ access: AccessReviewer) async throws -> Findings

    /// Kinds of judges. One that asks nobody decides at once, without a task or a timer.
    enum Judge: Sendable {
        case immediate(@Sendable (AdmissionRequest) -> Findings)
        case asking(AskingJudge)
    }

    /// Kind of the objects.
    public let type: ResourceType
    /// Requests that are judged; all others of the kind are let through.
    public let rules: [Rule]
    let fallback: Fallback
    let judge: Judge

    /// Makes a policy that asks others.
    ///
    /// - Parameters:
    ///   - rules: the requests to judge. Updates of the object itself that leave its spec as it is are not
    ///     judged.
    ///   - fallback: the answer if the judge is late or throws.
    public init(
        _ type: ResourceType, rules: [Rule] = [.writes], fallback: Fallback = .refuse,
        judge: @escaping AskingJudge
    ) {
        self.type = type
        self.rules = rules
        self.fallback = fallback
        self.judge = .asking(judge)
    }

    /// Makes a policy that decides by the request alone.
    ///
    /// - Parameters:
    ///   - problems: errors in an object by itself. An update is refused only for errors that the old object
    ///     did not have, so that objects from before a rule stay usable.
    ///   - conflicts: errors that keep an object from being created beside the existing ones.
    ///   - warnings: remarks on a new object, or on a change.
    public init<R: KubernetesResource>(
        _: R.Type, problems: @escaping @Sendable (R) -> [FieldError],
        conflicts: @escaping @Sendable (R) -> [FieldError] = { _ in [] },
        warnings: @escaping @Sendable (_ new: R, _ old: R?) -> [String] = { _, _ in [] }
    ) {
        type = R.resourceType
        rules = [.writes]
        fallback = .refuse
        judge = .immediate { request in
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

    /// Whether a rule names the request.
    func wants(_ request: AdmissionRequest) -> Bool {
        rules.contains {
            $0.subresource == request.subresource && $0.operations.contains(request.operation)
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
