/// The field numbers of `generated.proto` in `k8s.io/api` and `k8s.io/apimachinery`, for the kinds that
/// `kubectl create`, `auth` and `drain` send.
extension ProtobufMessage {
    static let kinds: [String: ProtobufMessage] = [
        "Namespace": object([
            2: ("spec", .message(.init([1: ("finalizers", .list(.string))]))),
            3: ("status", .message(.init([1: ("phase", .string)]))),
        ]),
        "ConfigMap": object([
            2: ("data", .map(.string)), 3: ("binaryData", .map(.bytes)), 4: ("immutable", .boolean),
        ]),
        "Secret": object([
            2: ("data", .map(.bytes)), 3: ("type", .string), 4: ("stringData", .map(.string)),
            5: ("immutable", .boolean),
        ]),
        "ServiceAccount": object([
            3: ("imagePullSecrets", .list(.message(.init([1: ("name", .string)])))),
            4: ("automountServiceAccountToken", .boolean),
        ]),
        "ResourceQuota": object([
            2: ("spec", .message(.init([1: ("hard", .map(.quantity)), 2: ("scopes", .list(.string))]))),
            3: ("status", .ignored),
        ]),
        "PriorityClass": object([
            2: ("value", .integer), 3: ("globalDefault", .boolean), 4: ("description", .string),
            5: ("preemptionPolicy", .string),
        ]),
        "Role": object([2: ("rules", .list(.message(policyRule)))]),
        "ClusterRole": object([2: ("rules", .list(.message(policyRule)))]),
        "RoleBinding": object([
            2: ("subjects", .list(.message(subject))), 3: ("roleRef", .message(roleReference)),
        ]),
        "ClusterRoleBinding": object([
            2: ("subjects", .list(.message(subject))), 3: ("roleRef", .message(roleReference)),
        ]),
        "SelfSubjectAccessReview": object([2: ("spec", .message(access)), 3: ("status", .ignored)]),
        "SubjectAccessReview": object([2: ("spec", .message(access)), 3: ("status", .ignored)]),
        "SelfSubjectRulesReview": object([
            2: ("spec", .message(.init([1: ("namespace", .string)]))), 3: ("status", .ignored),
        ]),
        "SelfSubjectReview": object([2: ("status", .ignored)]),
        "TokenRequest": object([2: ("spec", .message(tokenRequest)), 3: ("status", .ignored)]),
        "Eviction": object([2: ("deleteOptions", .message(deleteOptions))]),
        "DeleteOptions": deleteOptions,
    ]

    private static func object(_ fields: [Int: (String, Field)]) -> ProtobufMessage {
        .init(fields.merging([1: ("metadata", .message(metadata))]) { own, _ in own })
    }

    private static let metadata = ProtobufMessage([
        1: ("name", .string), 2: ("generateName", .string), 3: ("namespace", .string),
        4: ("selfLink", .string),
        5: ("uid", .string), 6: ("resourceVersion", .string), 7: ("generation", .ignored),
        8: ("creationTimestamp", .ignored), 9: ("deletionTimestamp", .ignored),
        10: ("deletionGracePeriodSeconds", .ignored), 11: ("labels", .map(.string)),
        12: ("annotations", .map(.string)), 13: ("ownerReferences", .list(.message(owner))),
        14: ("finalizers", .list(.string)), 17: ("managedFields", .ignored),
    ])

    private static let owner = ProtobufMessage([
        1: ("kind", .string), 3: ("name", .string), 4: ("uid", .string), 5: ("apiVersion", .string),
        6: ("controller", .boolean), 7: ("blockOwnerDeletion", .boolean),
    ])

    private static let policyRule = ProtobufMessage([
        1: ("verbs", .list(.string)), 2: ("apiGroups", .list(.string)), 3: ("resources", .list(.string)),
        4: ("resourceNames", .list(.string)), 5: ("nonResourceURLs", .list(.string)),
    ])

    private static let subject = ProtobufMessage([
        1: ("kind", .string), 2: ("apiGroup", .string), 3: ("name", .string), 4: ("namespace", .string),
    ])

    private static let roleReference = ProtobufMessage([
        1: ("apiGroup", .string), 2: ("kind", .string), 3: ("name", .string),
    ])

    private static let access = ProtobufMessage([
        1: (
            "resourceAttributes",
            .message(
                .init([
                    1: ("namespace", .string), 2: ("verb", .string), 3: ("group", .string),
                    4: ("version", .string), 5: ("resource", .string), 6: ("subresource", .string),
                    7: ("name", .string), 8: ("fieldSelector", .ignored), 9: ("labelSelector", .ignored),
                ]))
        ),
        2: ("nonResourceAttributes", .message(.init([1: ("path", .string), 2: ("verb", .string)]))),
        3: ("user", .string), 4: ("groups", .list(.string)), 5: ("extra", .ignored), 6: ("uid", .string),
    ])

    private static let tokenRequest = ProtobufMessage([
        1: ("audiences", .list(.string)),
        3: (
            "boundObjectRef",
            .message(
                .init([
                    1: ("kind", .string), 2: ("apiVersion", .string), 3: ("name", .string),
                    4: ("uid", .string),
                ]))
        ),
        4: ("expirationSeconds", .integer),
    ])

    private static let deleteOptions = ProtobufMessage([
        1: ("gracePeriodSeconds", .integer),
        2: ("preconditions", .message(.init([1: ("uid", .string), 2: ("resourceVersion", .string)]))),
        3: ("orphanDependents", .boolean), 4: ("propagationPolicy", .string), 5: ("dryRun", .list(.string)),
        6: ("ignoreStoreReadErrorWithClusterBreakingPotential", .ignored),
    ])
}
