import KubernetesAPI
import StructuralSchema

/// Schema of a pod's observed state.
enum PodStatusSchema {
    static let status = Schema.object(
        "What the pod is; set by the system.",
        [
            "phase": .string("Pending, Running, Succeeded, Failed or Unknown."),
            "conditions": .conditions([
                "lastProbeTime": .timeOrNull("When the condition was last looked at."),
                "observedGeneration": .int64("The generation that the condition speaks of."),
            ]),
            "observedGeneration": .int64("The generation that the status speaks of."),
            "message": .string("Why the pod is so, for people."),
            "reason": .string("Why the pod is so, in one word, as Evicted."),
            "nominatedNodeName": .string("The node on which others are evicted for this pod."),
            "hostIP": .string("Address of the node."),
            "hostIPs": .listAtomic("Addresses of the node.", of: address),
            "podIP": .string("Address of the pod."),
            "podIPs": .listMap("Addresses of the pod.", keys: ["ip"], of: address),
            "startTime": .timestamp("When the node agent took the pod."),
            "qosClass": .string("Guaranteed, Burstable or BestEffort."),
            "resize": .string("State of a change of resources."),
            "initContainerStatuses": .listAtomic("States of the init containers.", of: container),
            "containerStatuses": .listAtomic("States of the containers.", of: container),
            "ephemeralContainerStatuses": .listAtomic("States of the ephemeral containers.", of: container),
            "resourceClaimStatuses": .listMap(
                "States of the claims.", keys: ["name"],
                of: .object(
                    "A claim.",
                    [
                        "name": .string("Name within the pod."),
                        "resourceClaimName": .string("The ResourceClaim."),
                    ],
                    required: ["name"])),
            "extendedResourceClaimStatus": .anything("The claim for extended resources."),
            "allocatedResources": .resourceList("What the node has set aside."),
            "resources": ContainerSchema.resources,
        ])

    private static let address = Schema.object(
        "An address.", ["ip": .string("The address.")], required: ["ip"])

    private static let state = Schema.object(
        "One of waiting, running and terminated.",
        [
            "waiting": .object(
                "Not running yet.",
                ["reason": .string("Why, in one word."), "message": .string("Why, for people.")]),
            "running": .object("Running.", ["startedAt": .timeOrNull("Since when.")]),
            "terminated": .object(
                "Ended.",
                [
                    "exitCode": .int32("Exit code of the process.").default(0),
                    "signal": .int32("The signal that ended it."), "reason": .string("Why, in one word."),
                    "message": .string("The termination message."),
                    "startedAt": .timeOrNull("When it started."),
                    "finishedAt": .timeOrNull("When it ended."),
                    "containerID": .string("Which container it was."),
                ]),
        ])

    private static let container = Schema.object(
        "State of one container.",
        [
            "name": .string("Name of the container."),
            "state": state.default([:]),
            "lastState": state.description("How it ended the last time.").default([:]),
            "ready": .boolean("Whether it can serve.").default(false),
            "started": .boolean("Whether it has started, as far as the startup probe can tell."),
            "restartCount": .int32("How often it was restarted.").default(0),
            "image": .string("The image that runs.").default(""),
            "imageID": .string("Digest of the image.").default(""),
            "containerID": .string("ID in the runtime, as runtime://id."),
            "allocatedResources": .resourceList("What the node has set aside."),
            "resources": ContainerSchema.resources,
            "allocatedResourcesStatus": .listMap(
                "State of devices.", keys: ["name"],
                of: .object(
                    "A resource.",
                    [
                        "name": .string("The resource."),
                        "resources": .listAtomic("Devices.", of: .anything("A device.")),
                    ],
                    required: ["name"])),
            "stopSignal": .string("The signal that asks it to end."),
            "user": .object(
                "The identity of its first process.",
                [
                    "linux": .object(
                        "On Linux.",
                        [
                            "uid": .int64("User ID."), "gid": .int64("Group ID."),
                            "supplementalGroups": .listAtomic("Further groups.", of: .int64("A group ID.")),
                        ], required: ["uid", "gid"])
                ]),
            "volumeMounts": .listMap(
                "Its volumes.", keys: ["mountPath"],
                of: .object(
                    "A volume.",
                    [
                        "name": .string("Name of the volume."), "mountPath": .string("Where it stands."),
                        "readOnly": .boolean("Whether it is read-only."),
                        "recursiveReadOnly": .string("Whether all in it is."),
                        "volumeStatus": .anything("State of the volume."),
                    ], required: ["name", "mountPath"])),
        ], required: ["name"])
}
