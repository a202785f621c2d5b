import KubernetesAPI
import StructuralSchema

/// The kind `CustomResourceDefinition` itself.
enum CustomResourceDefinition {
    static let type = ResourceType(
        group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions", isNamespaced: false)

    static let resource = GroupResource(type)

    /// Holds a deleted definition until its objects are gone.
    static let cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"

    static let definition = ResourceDefinition(
        type: type, shortNames: ["crd", "crds"], categories: ["api-extensions"], schema: schema,
        columns: [
            PrinterColumn(
                "Created At", type: "date",
                description: "CreationTimestamp is a timestamp representing the server time when this object "
                    + "was created.",
                source: .computed { object, _ in object["metadata"]?["creationTimestamp"] ?? .null })
        ], subresources: [.status], hasGeneration: true, strategy: CustomResourceDefinitionStrategy())

    private static let names = Schema.object(
        "The names that the custom resource is known by.",
        [
            "plural": .string("Name in URLs: all lower case; the object's name is PLURAL.GROUP."),
            "singular": .string("Lower case of kind, unless set."),
            "kind": .string("CamelCase and singular."), "listKind": .string("KINDList, unless set."),
            "shortNames": .listAtomic("Short names for the command line.", of: .string("A short name.")),
            "categories": .listAtomic("Groups of kinds, such as all.", of: .string("A category.")),
        ])

    private static let column = Schema.object(
        "A column that kubectl get prints.",
        [
            "name": .string("The heading."), "type": .string("integer, number, string, boolean or date."),
            "format": .string("OpenAPI format."), "description": .string("What it shows."),
            "priority": .integer("Above 0 only with -o wide.", format: .int32),
            "jsonPath": .string("Where the value stands in the object."),
        ])

    private static let version = Schema.object(
        "One version of the resource.",
        [
            "name": .string("As in the URL: v1alpha1."),
            "served": .boolean("Whether the API serves it."),
            "storage": .boolean("Whether objects are stored in it; exactly one version is."),
            "deprecated": .boolean("Whether its use earns a warning."),
            "deprecationWarning": .string("That warning."),
            "schema": .object(
                "What objects look like.",
                ["openAPIV3Schema": .anything("A structural OpenAPI 3 schema.")]),
            "subresources": .object(
                "Which subresources there are.",
                ["status": .anything("Splits status from the rest."), "scale": .anything("Not served here.")]),
            "additionalPrinterColumns": .listAtomic("Columns of kubectl get.", of: column),
            "selectableFields": .listAtomic(
                "What field selectors may name.",
                of: .object("A field.", ["jsonPath": .string("Where it stands.")])),
        ])

    private static let schema = Schema.object(
        "Makes the API server serve a kind of object of one's own.",
        [
            "apiVersion": .string("apiextensions.k8s.io/v1"), "kind": .string("CustomResourceDefinition"),
            "metadata": Schema.objectMeta,
            "spec": .object(
                "What is to be served.",
                [
                    "group": .string("The API group."), "scope": .string("Cluster or Namespaced."),
                    "names": names, "versions": .listAtomic("Its versions.", of: version),
                    "conversion": .object(
                        "How versions are converted.",
                        ["strategy": .string("None."), "webhook": .anything("Not served here.")]),
                    "preserveUnknownFields": .boolean("Must be false."),
                ], required: ["group", "names", "scope", "versions"]),
            "status": .object(
                "What became of it.",
                [
                    "conditions": .listMap(
                        "NamesAccepted, Established, Terminating, …", keys: ["type"],
                        of: .object(
                            "A condition.",
                            [
                                "type": .string("Its type."), "status": .string("True, False or Unknown."),
                                "lastTransitionTime": .timestamp("When the status changed."),
                                "reason": .string("CamelCase."), "message": .string("For people."),
                                "observedGeneration": .integer(
                                    "The generation it speaks of.", format: .int64),
                            ])
                    ).nullable(),
                    "acceptedNames": names,
                    "storedVersions": .listAtomic("Versions of stored objects.", of: .string("A version.")),
                    "observedGeneration": .integer("The generation it speaks of.", format: .int64),
                ], required: ["acceptedNames"]),
        ])
}
