/// `authorization.k8s.io/v1` `SubjectAccessReview`: a question whether a user may do something. It is created and
/// answered in one request, and never stored.
public struct SubjectAccessReview: KubernetesResource, Hashable {
    /// A request for an object, or for what an object has.
    public struct ResourceAttributes: Codable, Hashable, Sendable {
        /// Namespace of the object; nil for all, and for cluster-scoped kinds.
        public var namespace: String?
        /// Verb in lower case, such as `create`.
        public var verb: String
        /// API group; empty for the core.
        public var group: String
        /// Plural of the kind.
        public var resource: String
        /// Name of the subresource; nil for the object itself.
        public var subresource: String?
        /// Name of the object; nil for all.
        public var name: String?

        /// A request for the objects of a kind, or for one of them.
        public init(
            verb: String, group: String, resource: String, subresource: String? = nil,
            namespace: String? = nil, name: String? = nil
        ) {
            self.verb = verb
            self.group = group
            self.resource = resource
            self.subresource = subresource
            self.namespace = namespace
            self.name = name
        }
    }

    /// User and request.
    public struct Spec: Codable, Hashable, Sendable {
        /// Request that the user would make.
        public var resourceAttributes: ResourceAttributes?
        /// Name of the user; nil only where groups are given.
        public var user: String?
        /// Groups of the user. Nil: none.
        public var groups: [String]?
        /// UID of the user. Nil: none is known.
        public var uid: String?
        /// Further properties of the user, for authorizers that read them. Nil: none.
        public var extra: [String: [String]]?

        /// A request of a user.
        public init(
            _ attributes: ResourceAttributes, user: String, groups: [String]? = nil, uid: String? = nil,
            extra: [String: [String]]? = nil
        ) {
            resourceAttributes = attributes
            self.user = user
            self.groups = groups
            self.uid = uid
            self.extra = extra
        }
    }

    /// Answer of the server.
    public struct Status: Codable, Hashable, Sendable {
        /// Whether some authorizer allows the request.
        public var allowed: Bool
        /// Whether an authorizer forbids the request, whatever the others say. Nil: none does.
        public var denied: Bool?
        /// Cause of the answer, for people. Nil: the authorizer gave none.
        public var reason: String?
        /// Obstacle that kept an authorizer from an answer, for people. Nil: there was none.
        public var evaluationError: String?

        /// An answer without a reason.
        public init(allowed: Bool, denied: Bool? = nil) {
            self.allowed = allowed
            self.denied = denied
        }
    }

    /// `subjectaccessreviews` of `authorization.k8s.io/v1`, cluster-scoped.
    public static let resourceType = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SubjectAccessReview",
        plural: "subjectaccessreviews", isNamespaced: false)

    /// `authorization.k8s.io/v1`
    public var apiVersion: String? = SubjectAccessReview.resourceType.apiVersion
    /// `SubjectAccessReview`
    public var kind: String? = SubjectAccessReview.resourceType.kind
    /// Metadata, empty in a question.
    public var metadata = ObjectMeta()
    /// The question.
    public var spec: Spec
    /// The answer; nil in a question.
    public var status: Status?

    /// A question.
    public init(_ spec: Spec) { self.spec = spec }
}
