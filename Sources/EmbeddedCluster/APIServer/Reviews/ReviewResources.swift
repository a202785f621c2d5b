import KubernetesAPI
import StructuralSchema

/// The kinds that are questions: created, answered, and never stored.
enum ReviewResources {
    static let definitions: [ResourceDefinition] = [
        review("authorization.k8s.io", "SelfSubjectAccessReview"),
        review("authorization.k8s.io", "SelfSubjectRulesReview"),
        review("authorization.k8s.io", "SubjectAccessReview"),
        review("authorization.k8s.io", "LocalSubjectAccessReview", isNamespaced: true),
        review("authentication.k8s.io", "TokenReview"),
        review("authentication.k8s.io", "SelfSubjectReview"),
    ]

    private static func review(
        _ group: String, _ kind: String, isNamespaced: Bool = false
    ) -> ResourceDefinition {
        let schema = Schema.object(
            "A question that the server answers at once.",
            [
                "apiVersion": .string("Group and version."), "kind": .string("Kind."),
                "metadata": Schema.objectMeta, "spec": .anything("The question."),
                "status": .anything("The answer."),
            ])
        return ResourceDefinition(
            type: ResourceType(
                group: group, version: "v1", kind: kind, plural: kind.lowercased() + "s",
                isNamespaced: isNamespaced),
            schema: schema, columns: [], verbs: ["create"])
    }
}
