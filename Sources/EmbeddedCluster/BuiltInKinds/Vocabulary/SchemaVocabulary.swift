import KubernetesAPI
import StructuralSchema

// Parts of which the schemas of many kinds are made.
extension Schema {
    /// A whole object: its own members beside `apiVersion`, `kind` and `metadata`. Duplicates in lists are
    /// left to the kinds, as upstream does.
    static func resource(
        _ description: String, _ members: [String: Schema], required: [String] = []
    ) -> Schema {
        Schema.object(
            description,
            [
                "apiVersion": .string("Group and version of this object's schema."),
                "kind": .string("What this object is."),
                "metadata": Schema.objectMeta,
            ], required: required
        )
        .adding(members)
        .allowingDuplicates()
    }

    static func stringMap(_ description: String) -> Schema { .map(description, of: .string("A value.")) }

    /// Amounts by the name of a resource: `cpu`, `memory`, `nvidia.com/gpu`.
    static func resourceList(_ description: String) -> Schema {
        .map(description, of: .quantity("An amount, as 500m or 1.5Gi."))
    }

    static func seconds(_ description: String) -> Schema { .integer(description, format: .int64) }

    static func int32(_ description: String) -> Schema { .integer(description, format: .int32) }

    static func int64(_ description: String) -> Schema { .integer(description, format: .int64) }

    /// A list of strings that is replaced as a whole.
    static func strings(_ description: String, of item: String = "One of them.") -> Schema {
        .listAtomic(description, of: .string(item))
    }

    /// A time that is written as null where there is none.
    static func timeOrNull(_ description: String) -> Schema {
        .timestamp(description).nullable().default(.null)
    }

    static let labelSelector = Schema.object(
        "Which objects are meant, by their labels; all conditions hold together.",
        [
            "matchLabels": .stringMap("Labels that must be there, with these values."),
            "matchExpressions": .listAtomic(
                "Further conditions on labels.",
                of: .object(
                    "A condition on one label.",
                    [
                        "key": .string("Key of the label."),
                        "operator": .string("In, NotIn, Exists or DoesNotExist."),
                        "values": .strings("Values for In and NotIn."),
                    ], required: ["key", "operator"])),
        ]
    ).mapType(.atomic)

    static let localObjectReference = Schema.object(
        "Another object in the same namespace.", ["name": .string("Name of the object.").default("")]
    ).mapType(.atomic)

    static let objectReference = Schema.object(
        "Another object.",
        [
            "apiVersion": .string("Group and version of the object."),
            "kind": .string("Kind of the object."),
            "namespace": .string("Namespace of the object."),
            "name": .string("Name of the object."),
            "uid": .string("UID of the object."),
            "resourceVersion": .string("The version of the object that is meant."),
            "fieldPath": .string("The part of the object that is meant, as spec.containers{name}."),
        ]
    ).mapType(.atomic)

    static let typedLocalObjectReference = Schema.object(
        "Another object in the same namespace, of any kind.",
        [
            "apiGroup": .string("Group of the object; empty for the core group."),
            "kind": .string("Kind of the object."),
            "name": .string("Name of the object."),
        ], required: ["kind", "name"]
    ).mapType(.atomic)

    /// `metav1.Condition`
    static let metaCondition = Schema.object(
        "One aspect of the state.",
        [
            "type": .string("Which aspect, in CamelCase."),
            "status": .string("True, False or Unknown."),
            "observedGeneration": .int64("The generation that the condition speaks of."),
            "lastTransitionTime": .timestamp("When the status last changed."),
            "reason": .string("Why, in one CamelCase word."),
            "message": .string("Why, for people.").default(""),
        ], required: ["type", "status", "reason", "lastTransitionTime"])

    /// The conditions of an older kind, with their own members beside type and status.
    static func conditions(_ members: [String: Schema] = [:]) -> Schema {
        .listMap(
            "The latest observations of the state.", keys: ["type"],
            of: Schema.object(
                "One aspect of the state.",
                [
                    "type": .string("Which aspect."),
                    "status": .string("True, False or Unknown."),
                    "lastTransitionTime": .timeOrNull("When the status last changed."),
                    "reason": .string("Why, in one word."),
                    "message": .string("Why, for people."),
                ], required: ["type", "status"]
            ).adding(members))
    }

    /// `nodeSelectorTerms`, which are alternatives.
    static let nodeSelector = Schema.object(
        "Which nodes are meant: those that fulfil at least one term.",
        ["nodeSelectorTerms": .listAtomic("The terms.", of: nodeSelectorTerm)],
        required: ["nodeSelectorTerms"]
    ).mapType(.atomic)

    static let nodeSelectorTerm = Schema.object(
        "Conditions on a node that hold together.",
        [
            "matchExpressions": .listAtomic("Conditions on labels.", of: nodeSelectorRequirement),
            "matchFields": .listAtomic("Conditions on fields.", of: nodeSelectorRequirement),
        ]
    ).mapType(.atomic)

    private static let nodeSelectorRequirement = Schema.object(
        "A condition on one label or field.",
        [
            "key": .string("Key of the label, or name of the field."),
            "operator": .string("In, NotIn, Exists, DoesNotExist, Gt or Lt."),
            "values": .strings("Values to compare with."),
        ], required: ["key", "operator"])
}
