import KubernetesAPI
import KubernetesClient

/// Asks an API server whether a user may do something, for judges that decide by it.
public struct AccessReviewer: Sendable {
    /// A source of answers; tests script one in place of an API server.
    public typealias Ask = @Sendable (SubjectAccessReview.Spec) async throws -> SubjectAccessReview.Status

    private let ask: Ask

    /// Asks by creating SubjectAccessReviews, which the client's account must be allowed to.
    public init(client: KubernetesClient) {
        ask = { spec in
            guard let answer = try await client.create(SubjectAccessReview(spec)).status else {
                throw KubernetesError.decoding(
                    "the API server answered a SubjectAccessReview without a status")
            }
            return answer
        }
    }

    /// Asks a function instead of an API server.
    public init(_ ask: @escaping Ask) { self.ask = ask }

    /// Whether the user who made a request may also do something else.
    ///
    /// - Throws: the reason why the API server gave no answer.
    public func allows(
        _ user: AdmissionRequest.User, _ attributes: SubjectAccessReview.ResourceAttributes
    ) async throws -> Bool {
        let answer = try await ask(
            SubjectAccessReview.Spec(
                attributes, user: user.name, groups: user.groups, uid: user.uid.isEmpty ? nil : user.uid,
                extra: user.extra.isEmpty ? nil : user.extra))
        return answer.allowed && answer.denied != true
    }
}
