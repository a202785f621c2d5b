import KubernetesAPI

extension Schema {
    /// `metav1.ObjectMeta`, as every whole object has it and every embedded resource may have it.
    public static let objectMeta = Schema.object(
        "Standard object's metadata.",
        [
            "name": .string("Unique within a namespace. Cannot be updated."),
            "generateName": .string("Prefix of the name that the server makes up when name is empty."),
            "namespace": .string("The namespace in which the name is unique. Cannot be updated."),
            "selfLink": .string("Deprecated, and no longer filled in."),
            "uid": .string("Unique in time and space; set by the server."),
            "resourceVersion": .string("Opaque version of this object, for optimistic concurrency."),
            "generation": .integer("Number of the desired state; set by the server.", format: .int64),
            "creationTimestamp": .timestamp("When the object was created; set by the server."),
            "deletionTimestamp": .timestamp("When the object will be gone; set by the server."),
            "deletionGracePeriodSeconds": .integer(
                "Seconds allowed for a graceful end; set by the server.", format: .int64),
            "labels": .map("Keys and values by which objects are selected.", of: .string("A value.")),
            "annotations": .map("Unstructured keys and values that tools attach.", of: .string("A value.")),
            "ownerReferences": .listMap(
                "Objects on which this one depends; it goes when all of them are gone.", keys: ["uid"],
                of: ownerReference),
            "finalizers": .listSet(
                "What must be done before the object is gone; removed by those who do it.",
                of: .string("Name of a finalizer.")),
            "managedFields": .listAtomic(
                "Which manager set which field, by which version.", of: managedFields),
        ]
    ).allowingDuplicates()

    private static let ownerReference = Schema.object(
        "Another object in the same namespace, or a cluster-scoped one.",
        [
            "apiVersion": .string("Group and version of the owner."),
            "kind": .string("Kind of the owner."),
            "name": .string("Name of the owner."),
            "uid": .string("UID of the owner."),
            "controller": .boolean("Whether the owner is the managing controller; one at most is."),
            "blockOwnerDeletion": .boolean("Whether a foreground deletion of the owner waits for this one."),
        ]
    ).mapType(.atomic)

    private static let managedFields = Schema.object(
        "The fields that one manager set by one operation.",
        [
            "manager": .string("Who set them."),
            "operation": .string("Apply or Update."),
            "apiVersion": .string("The version in which the fields are named."),
            "time": .timestamp("When the set of fields last changed."),
            "fieldsType": .string("Always FieldsV1."),
            "fieldsV1": .anything("The set of fields, as a trie."),
            "subresource": .string("The subresource through which they were set."),
        ])
}
