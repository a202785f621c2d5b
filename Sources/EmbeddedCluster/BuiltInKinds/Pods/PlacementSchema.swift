import KubernetesAPI
import StructuralSchema

/// Schemas for the nodes on which a pod may and should run.
enum PlacementSchema {
    static let affinity = Schema.object(
        "Which nodes, and which other pods, the pod should be near to or far from.",
        [
            "nodeAffinity": .object(
                "About nodes.",
                [
                    "requiredDuringSchedulingIgnoredDuringExecution": .nodeSelector,
                    "preferredDuringSchedulingIgnoredDuringExecution": .listAtomic(
                        "Preferences, with weights.",
                        of: .object(
                            "A preference.",
                            ["weight": .int32("1 to 100."), "preference": .nodeSelectorTerm],
                            required: ["weight", "preference"])),
                ]),
            "podAffinity": podAffinity("Pods to be near to."),
            "podAntiAffinity": podAffinity("Pods to be far from."),
        ])

    private static func podAffinity(_ description: String) -> Schema {
        .object(
            description,
            [
                "requiredDuringSchedulingIgnoredDuringExecution": .listAtomic(
                    "Terms that must hold.", of: podTerm),
                "preferredDuringSchedulingIgnoredDuringExecution": .listAtomic(
                    "Preferences, with weights.",
                    of: .object(
                        "A preference.", ["weight": .int32("1 to 100."), "podAffinityTerm": podTerm],
                        required: ["weight", "podAffinityTerm"])),
            ])
    }

    private static let podTerm = Schema.object(
        "Pods, and what near means.",
        [
            "labelSelector": .labelSelector, "namespaceSelector": .labelSelector,
            "namespaces": .strings("Namespaces of the pods; by default this pod's."),
            "topologyKey": .string("Label of nodes; those with the same value are near."),
            "matchLabelKeys": .strings("Labels of this pod whose values are added to the selector."),
            "mismatchLabelKeys": .strings("Labels of this pod whose values the selector excludes."),
        ], required: ["topologyKey"])

    static let toleration = Schema.object(
        "A taint of nodes that the pod can live with.",
        [
            "key": .string("Key of the taint; empty for all."),
            "operator": .string("Equal, Exists, Lt or Gt.").oneOf("Equal", "Exists", "Gt", "Lt"),
            "value": .string("Value of the taint, for Equal."),
            "effect": .string("NoSchedule, PreferNoSchedule or NoExecute; empty for all."),
            "tolerationSeconds": .seconds("How long to stay, for NoExecute; by default for ever."),
        ])

    static let topologySpread = Schema.object(
        "How evenly pods spread over groups of nodes.",
        [
            "maxSkew": .int32("How much the fullest group may have more than the emptiest."),
            "topologyKey": .string("Label of nodes that makes the groups."),
            "whenUnsatisfiable": .string("DoNotSchedule or ScheduleAnyway."),
            "labelSelector": .labelSelector, "minDomains": .int32("Groups there must be."),
            "nodeAffinityPolicy": .string("Honor or Ignore."),
            "nodeTaintsPolicy": .string("Honor or Ignore."),
            "matchLabelKeys": .strings("Labels of this pod whose values are added to the selector."),
        ], required: ["maxSkew", "topologyKey", "whenUnsatisfiable"])
}
